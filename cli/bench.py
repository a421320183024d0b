"""The benchmark's command: the whole of it on stacks of its own, or the switches of any edge."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.errors import CommandError, Exit

try:
    import load
    from bench import whole
    from bench.chart import draw
    from bench.errors import BenchError
    from bench.series import Series, drive
    from bench.table import as_markdown
except ImportError as error:  # a plain installation has not what only tests and bench need
    MISSING = str(error)
else:
    MISSING = ""

Told = Callable[[str], None]


def require() -> None:
    """Raise CommandError where the benchmark's own packages are not installed."""
    if MISSING:
        raise CommandError(
            f"the benchmark cannot run: {MISSING}",
            todo="`make setup` installs what it needs",
            code=Exit.USAGE,
        )


def tell(text: str) -> None:
    """Progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def edge_plan(url: str, drain_timeout: int, without: list[str]) -> "tuple[load.Target, load.Plan]":
    """What to ask of an edge, and how; CommandError for an unknown kind or another machine."""
    paths = {
        "fresh": "page_path",
        "keepalive": "page_path",
        "post": "post_path",
        "slow": "slow_path",
        "download": "download_path",
        "websocket": "websocket_path",
    }
    for kind in without:
        if kind not in paths:
            known = ", ".join(paths)
            raise CommandError(f'--without: "{kind}"; allowed: {known}', code=Exit.USAGE)
    try:
        target = replace(load.Target(url), **dict.fromkeys(paths[kind] for kind in without))
        return target, load.Plan(drain_timeout=drain_timeout, seconds=load.plan.MOST_SECONDS)
    except load.LoadError as error:
        raise CommandError(str(error), code=Exit.USAGE) from None


def sizes(switches: int, requests: int, drain_timeout: int, parts: list[str]) -> "whole.Sizes":
    """How much to measure; CommandError for an unknown part."""
    for part in parts:
        if part not in whole.PARTS:
            known = ", ".join(whole.PARTS)
            raise CommandError(f'--part: "{part}"; allowed: {known}', code=Exit.USAGE)
    return whole.Sizes(switches, requests, drain_timeout, parts=tuple(parts))


def run_whole(sizes: "whole.Sizes", out: Path, told: Told) -> dict[str, Any]:
    """Run it; results and charts are in the folder after each part."""
    out.mkdir(parents=True, exist_ok=True)
    told(f"about {whole.minutes(sizes):.0f} minutes on 2 cores; Ctrl-C keeps what is measured")

    def keep(found: "whole.Whole") -> None:
        (out / "bench.json").write_text(json.dumps(found.results, indent=2) + "\n")
        (out / "bench.md").write_text(as_markdown(found.results))
        for name, title, series in (
            ("bench", "This program", found.ours),
            ("baseline", "A hand-written script", found.theirs),
        ):
            if series:
                _draw(series, out, name, title)

    try:
        results = whole.run(sizes, told, keep).results
    except (BenchError, load.LoadError) as error:
        raise CommandError(
            str(error),
            todo=f"{out}/bench.json has the parts before; run it again, or --part what is missing",
        ) from None
    print(as_markdown(results))
    print(f"bench: {out}/bench.json, bench.md, bench.svg, baseline.svg")
    return results


def run_edge(
    target: "load.Target", plan: "load.Plan", command: str, switches: int, out: Path, told: Told
) -> dict[str, Any]:
    """Drive any edge with any switch command; results and the chart are in the folder."""
    out.mkdir(parents=True, exist_ok=True)

    def switch(_number: int) -> None:
        done = subprocess.run(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"`{command}` ended with {done.returncode}: {done.stdout.strip()}")

    try:
        series = drive(target, plan, switch, switches, told=told)
    except (BenchError, load.LoadError) as error:
        raise CommandError(str(error), todo="see that the URL and the command work alone") from None
    results = series.to_dict()
    (out / "edge.json").write_text(json.dumps(results, indent=2) + "\n")
    _draw(series, out, "edge", target.url)
    print(series.report.summary())
    print(f"bench: {out}/edge.json, edge.svg")
    return results


def _draw(series: "Series", out: Path, name: str, title: str) -> None:
    for kind in ("svg", "png"):
        draw(series.report, out / f"{name}.{kind}", title)


def failed(results: dict[str, Any]) -> int:
    """How many requests failed, of all kinds and causes."""
    return sum(sum(causes.values()) for causes in results.get("failed", {}).values())
