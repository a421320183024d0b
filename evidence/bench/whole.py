"""The whole benchmark: part by part, on stacks of its own, into one set of results."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import evidence.load as load
from bluegreen.config.settings import other
from evidence.bench import baseline, growth, releases, snapshots, throughput, updates
from evidence.bench.errors import BenchError
from evidence.bench.figures import ratio
from evidence.bench.machine import describe
from evidence.bench.series import Series, drive
from evidence.lab.host import LabFailed
from evidence.lab.stacks import VERSIONS, removed

DEFAULT_DRAIN = 30

Told = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        switches: consecutive switches under all six kinds of client.
        requests: goes on switching until there were so many.
        drain_timeout: of those switches, in seconds.
        drained: switches with the default drain_timeout, whose WebSockets live that long.
        baseline: switches of the baseline under the same load.
        parts: which of the parts of `PARTS` to run.
    """

    switches: int = 100
    requests: int = 1_000_000
    drain_timeout: int = 5
    drained: int = 3
    baseline: int = 10
    parts: tuple[str, ...] = ()


@dataclass
class Whole:
    """What was measured so far, and by title the runs that charts are drawn of."""

    results: dict[str, Any]
    runs: dict[str, Series] = field(default_factory=dict)


def run(
    sizes: Sizes, told: Told, keep: Callable[[Whole], None], before: dict[str, Any] | None = None
) -> Whole:
    """Measure; `keep` is called after each part, so that an interrupted run loses one at most.

    `before` are results of an earlier run: those of the parts that are not run again stay.

    Raises:
        BenchError: a part could not be measured; those before are kept.
    """
    whole = Whole(before or {"machine": describe(), "ratios": {}})
    for name in sizes.parts or tuple(PARTS):
        with tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as folder:
            told(f"part {name}: {PARTS[name].what}, about {PARTS[name].minutes(sizes):.0f} min")
            try:
                PARTS[name].measure(whole, sizes, Path(folder), told)
            except LabFailed as error:
                raise BenchError(f"part {name}: {error}") from error
            keep(whole)
    return whole


def minutes(sizes: Sizes) -> float:
    """How long all of it will take, about, on 2 cores."""
    return sum(PARTS[name].minutes(sizes) for name in sizes.parts or PARTS)


def _switches(whole: Whole, sizes: Sizes, folder: Path, told: Told) -> None:
    series = _ours(folder, sizes.switches, sizes.requests, sizes.drain_timeout, told)
    whole.runs["This program"] = series
    found = series.to_dict()
    whole.results |= found
    latency = found["latency_ms"]
    whole.results["ratios"]["switch_p99"] = ratio(
        latency["switch"]["p99"], latency["steady"]["p99"]
    )


def _drains(whole: Whole, sizes: Sizes, folder: Path, told: Told) -> None:
    series = _ours(folder, sizes.drained, 0, DEFAULT_DRAIN, told)
    whole.runs["This program with the default drain"] = series
    whole.results["default_drain"] = {"drain_timeout": DEFAULT_DRAIN} | series.to_dict()


def _ours(folder: Path, switches: int, requests: int, drain: int, told: Told) -> Series:
    with removed(folder, drain_timeout=drain, standby="keep") as stack:
        stack.up()
        stack.up(active_color="green", green_version=VERSIONS["green"])
        return drive(
            load.Target(stack.url),
            _plan(drain),
            lambda _number: stack.up(active_color=other(stack.config["active_color"])),
            switches,
            least_requests=requests,
            told=told,
        )


def _plan(drain: int) -> load.Plan:
    return load.Plan(drain_timeout=drain, seconds=load.plan.MOST_SECONDS)


def _baseline(whole: Whole, sizes: Sizes, _folder: Path, told: Told) -> None:
    with baseline.running() as script:
        series = drive(
            load.Target(script.url),
            _plan(sizes.drain_timeout),
            lambda _number: script.run(),
            sizes.baseline,
            told=told,
        )
    whole.runs["Script by hand"] = series
    whole.results["baseline"] = series.to_dict()


def _releases(whole: Whole, _sizes: Sizes, folder: Path, told: Told) -> None:
    found = releases.measure(folder, told)
    whole.results["gate_reaction_ms"] = found.pop("gate_reaction_ms")
    whole.results["release"] = found
    whole.results["ratios"]["release_beyond_boot"] = found["ratio_first_answer"]


def _updates(whole: Whole, _sizes: Sizes, folder: Path, told: Told) -> None:
    found = updates.measure(folder, told)
    whole.results["updates"] = found
    whole.results["ratios"]["noop_up"] = found["ratio_noop_up"]


def _throughput(whole: Whole, _sizes: Sizes, folder: Path, told: Told) -> None:
    found = throughput.measure(folder, told)
    whole.results["throughput"] = found
    whole.results["ratios"]["edge_throughput"] = found.get("ratio_throughput")


def _growth(whole: Whole, _sizes: Sizes, folder: Path, told: Told) -> None:
    whole.results["growth"] = growth.measure(folder, told)


def _snapshots(whole: Whole, _sizes: Sizes, folder: Path, told: Told) -> None:
    whole.results["snapshots"] = snapshots.measure(folder, told)


@dataclass(frozen=True)
class Part:
    """One part: what it measures, how, and how long that takes in minutes, about, on 2 cores."""

    what: str
    measure: Callable[[Whole, Sizes, Path, Told], None]
    minutes: Callable[[Sizes], float]


PARTS = {
    "switches": Part(
        "switches under six kinds of client",
        _switches,
        lambda s: max(s.switches * (4 + s.drain_timeout) / 60, s.requests / 60_000),
    ),
    "drain": Part(
        "switches with the default drain_timeout",
        _drains,
        lambda s: s.drained * (8 + DEFAULT_DRAIN) / 60,
    ),
    "baseline": Part(
        "the hand-written script under the same load", _baseline, lambda s: s.baseline * 0.15
    ),
    "release": Part("releases beyond the service's own boot, and the gate", _releases, lambda _: 2),
    "updates": Part("updates without changes, and previews", _updates, lambda _: 1),
    "throughput": Part("the edge against a bare nginx", _throughput, lambda _: 1.5),
    "snapshots": Part("snapshots of 10 MB and 1 GB", _snapshots, lambda _: 1.5),
    "growth": Part("the same with 1, 10 and 50 stacks", _growth, lambda _: 8),
}
