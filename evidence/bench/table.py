"""Results as a Markdown table, as the README shows them."""

from collections.abc import Mapping
from typing import Any

from evidence.load.plan import KINDS


def as_markdown(results: Mapping[str, Any], name: str = "this program") -> str:
    """All that was measured of what bears the name; parts that were not run are left out."""
    blocks = [f"Measured on: {results['machine']}."]
    if "switches" in results:
        blocks.append(_losses(results, name))
    if "default_drain" in results:
        blocks.append(_drain(results["default_drain"]))
    blocks += [_times(results)] if _times(results) else []
    if "snapshots" in results:
        blocks.append(_snapshots(results["snapshots"]))
    if "growth" in results:
        blocks.append(_growth(results["growth"]))
    return "\n\n".join(blocks) + "\n"


def _losses(results: Mapping[str, Any], name: str) -> str:
    columns = {name: results}
    if "baseline" in results:
        columns["the hand-written script"] = results["baseline"]
    rows: list[tuple[str, list[str]]] = [
        ("switches", [f"{each['switches']:,}" for each in columns.values()]),
        ("requests", [f"{each['requests']:,}" for each in columns.values()]),
    ]
    for kind in KINDS:
        rows.append((f"failed, {kind}", [_causes(c["causes"].get(kind)) for c in columns.values()]))
    for name in ("lost", "doubled"):
        rows.append((f"writes {name}", [f"{c['writes'][name]:,}" for c in columns.values()]))
    for name, key in (("p50", "p50"), ("p99", "p99")):
        rows.append(
            (
                f"{name} in a switch / steady",
                [
                    f"{c['latency_ms']['switch'][key]:.1f} / "
                    f"{c['latency_ms']['steady'][key]:.1f} ms"
                    for c in columns.values()
                ],
            )
        )
    return _table(["", *columns], rows)


def _causes(causes: Mapping[str, int] | None) -> str:
    if not causes:
        return "0"
    return ", ".join(f"{count:,} {cause}" for cause, count in sorted(causes.items()))


def _drain(found: Mapping[str, Any]) -> str:
    sockets = found["websockets"]
    shortest = sockets.get("shortest_after_switch_s")
    lived = f"; the first was closed {shortest:.1f} s after its switch" if shortest else ""
    failed = sum(found["failed"].values())
    return (
        f"With the default `drain_timeout` of {found['drain_timeout']} s, {found['switches']} "
        f"switches: {found['requests']:,} requests, {failed} failed; {sockets['opened']} "
        f"WebSockets, {sockets['cut']} cut before their time{lived}."
    )


def _times(results: Mapping[str, Any]) -> str:
    rows: list[tuple[str, list[str]]] = []
    ratios = results.get("ratios", {})
    if release := results.get("release"):
        for name, key, found in (
            ("first answer", "first_answer_beyond_boot_s", release["ratio_first_answer"]),
            ("whole command, without bake", "command_beyond_boot_s", release["ratio_command"]),
        ):
            rows.append(
                (
                    f"release beyond boot: {name}",
                    [
                        f"{release['ours'][key]['median']:.2f} s",
                        f"{release['baseline'][key]['median']:.2f} s (script)",
                        f"{found:.2f}",
                    ],
                )
            )
    if gate := results.get("gate_reaction_ms"):
        rows.append(("gate: ready → seen", [f"{gate['p50']} ms, p95 {gate['p95']} ms", "", ""]))
    if "switches" in results and "switch_p99" in ratios:
        latency = results["latency_ms"]
        rows.append(
            (
                "p99 in a switch window",
                [
                    f"{latency['switch']['p99']:.1f} ms",
                    f"{latency['steady']['p99']:.1f} ms (steady)",
                    f"{ratios['switch_p99']:.2f}",
                ],
            )
        )
    edge = results.get("throughput") or {}
    for prefix, what in (("", ""), ("tls_", " by TLS"), ("new_tls_", " by new TLS connections")):
        if f"{prefix}edge_per_s" in edge:
            rows.append(
                (
                    f"edge, requests per second{what}",
                    [
                        f"{edge[f'{prefix}edge_per_s']['median']:,.0f}",
                        f"{edge[f'{prefix}bare_per_s']['median']:,.0f} (bare nginx)",
                        f"{edge[f'{prefix}ratio_throughput']:.2f}",
                    ],
                )
            )
    if update := results.get("updates"):
        rows.append(
            (
                "`pulumi up`, nothing to do",
                [
                    f"{update['noop_up_s']['median']:.2f} s",
                    f"{update['one_resource_up_s']['median']:.2f} s (one resource)",
                    f"{update['ratio_noop_up']:.2f}",
                ],
            )
        )
        rows.append(("`pulumi preview`", [f"{update['preview_s']['median']:.2f} s", "", ""]))
    return _table(["", "this program", "compared with", "ratio"], rows) if rows else ""


def _snapshots(rows: list[Mapping[str, Any]]) -> str:
    return _table(
        ["data", "snapshot", "added to a release", "writes meanwhile", "longest pause of them"],
        [
            (
                f"{row['data_bytes'] / 1e6:,.0f} MB",
                [
                    f"{row['snapshot_s']:.2f} s",
                    f"{row['added_to_release_s']:.2f} s",
                    f"{row['writes_meanwhile']:,}",
                    f"{row['longest_pause_s'] * 1000:,.0f} ms",
                ],
            )
            for row in rows
        ],
    )


def _growth(rows: list[Mapping[str, Any]]) -> str:
    return _table(
        ["stacks on the host", "nothing to do", "preview", "release", "switch"],
        [
            (
                str(row["stacks"]),
                [
                    f"{row[key]:.2f} s"
                    for key in ("noop_up_s", "preview_s", "release_s", "switch_s")
                ],
            )
            for row in rows
        ],
    )


def _table(head: list[str], rows: list[tuple[str, list[str]]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join([name, *cells]) + " |" for name, cells in rows]
    return "\n".join(lines)
