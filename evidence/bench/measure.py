"""The benchmark's work: the whole of it on stacks of its own, or the switches of any edge."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

import evidence.load as load
from bluegreen.cli.errors import CommandError, Exit
from evidence.bench import whole
from evidence.bench.chart import draw
from evidence.bench.errors import BenchError
from evidence.bench.machine import describe
from evidence.bench.series import Series, Stopped, drive
from evidence.bench.table import as_markdown
from evidence.load.options import NONE, add_options, from_options

TRIES = 3


def tell(text: str) -> None:
    """Progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def edge_plan(url: str, drain_timeout: int, settings: list[str]) -> tuple[load.Target, load.Plan]:
    """What to ask of an edge, and how much; CommandError for what is unknown or elsewhere."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_options(parser)
    words = [f"--url={url}", f"--drain-timeout={drain_timeout}"]
    try:
        words += [f"--seconds={load.plan.MOST_SECONDS}", *_fitting(url)]
        for setting in settings:
            name, _, value = setting.partition("=")
            words.append(f"--{name.replace('_', '-')}={value}")
        given, unknown = parser.parse_known_args(words)
        if unknown:
            raise CommandError(
                f"--set: {', '.join(unknown)} is not known",
                todo="`python -m evidence.load --help` lists the settings",
                code=Exit.USAGE,
            )
        return from_options(given)
    except (argparse.ArgumentError, load.LoadError) as error:
        raise CommandError(str(error), code=Exit.USAGE) from None


def _fitting(url: str) -> list[str]:
    """What to ask of a service that is not the stand-in: its page, and what --set adds."""
    page = _page(url)
    if page is None or load.Target(url).page_contains in page:
        return []
    tell(
        "this is not the stand-in: fresh and keepalive clients ask for / (--set page_path=PATH), "
        "other kinds for what --set gives them, such as download_path=PATH, websocket_path=PATH"
    )
    left_out = ("post", "slow", "download", "websocket")
    return ["--page-contains=", *(f"--{kind}-path={NONE}" for kind in left_out)]


def _page(url: str) -> str | None:
    """Its page; None from whoever does not answer, which the load will tell."""
    target = load.Target(url)  # refuses any other machine
    for _ in range(TRIES):  # an edge under test may well lose the question
        try:
            return httpx.get(target.url, timeout=5, follow_redirects=True, trust_env=False).text
        except httpx.HTTPError:
            continue
    return None


def sizes(switches: int, requests: int, drain_timeout: int, parts: list[str]) -> whole.Sizes:
    """How much to measure; CommandError for an unknown part."""
    for part in parts:
        if part not in whole.PARTS:
            known = ", ".join(whole.PARTS)
            raise CommandError(f'--part: "{part}"; allowed: {known}', code=Exit.USAGE)
    few = {name: min(switches, getattr(whole.Sizes, name)) for name in ("drained", "baseline")}
    return whole.Sizes(switches, requests, drain_timeout, parts=tuple(parts), **few)


def run_whole(sizes: whole.Sizes, out: Path) -> dict[str, Any]:
    """Run it; results and charts are in the folder after each part."""
    out.mkdir(parents=True, exist_ok=True)
    tell(f"about {whole.minutes(sizes):.0f} minutes on 2 cores; Ctrl-C keeps what is measured")

    def keep(found: whole.Whole) -> None:
        (out / "bench.json").write_text(json.dumps(found.results, indent=2) + "\n")
        (out / "bench.md").write_text(as_markdown(found.results))
        for title, series in found.runs.items():
            _keep(series, out, title.lower().replace(" ", "-"), title)

    try:
        results = whole.run(sizes, tell, keep, _before(sizes, out)).results
    except (BenchError, load.LoadError) as error:
        raise CommandError(
            str(error),
            todo=f"{out}/bench.json has the parts before; run it again, or --part what is missing",
        ) from None
    return results


def _before(sizes: whole.Sizes, out: Path) -> dict[str, Any] | None:
    """What the folder has from this machine, when only some parts are run."""
    file = out / "bench.json"
    if not sizes.parts or not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found if found.get("machine") == describe() else None


def run_edge(
    target: load.Target,
    plan: load.Plan,
    command: str,
    switches: int,
    requests: int,
    out: Path,
) -> dict[str, Any]:
    """Drive any edge with any switch command; results and the chart are in the folder."""
    out.mkdir(parents=True, exist_ok=True)
    stopped: Stopped | None = None
    try:
        series = drive(target, plan, command, switches, least_requests=requests, told=tell)
    except Stopped as error:
        stopped, series = error, error.series
    except load.LoadError as error:
        raise CommandError(str(error), todo="see that the URL answers") from None
    results = {"machine": describe()} | series.to_dict()
    (out / "edge.json").write_text(json.dumps(results, indent=2) + "\n")
    _keep(series, out, "edge", target.url)
    for example in series.report.examples:
        tell(example)
    if stopped:
        raise CommandError(str(stopped), todo=f"{out}/edge.json has what was measured until then")
    return results


def _keep(series: Series, out: Path, name: str, title: str) -> None:
    """The chart, and the record that `python -m evidence.bench.chart` draws it from."""
    record = replace(series.report, latencies={}, examples=())
    (out / f"{name}.record.json").write_text(record.to_json() + "\n")
    for kind in ("svg", "png"):
        draw(record, out / f"{name}.{kind}", title)


def failed(results: dict[str, Any]) -> int:
    """How many requests failed, of all kinds and causes."""
    found: dict[str, int] = results.get("failed", {})
    return sum(found.values())
