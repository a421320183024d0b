"""A series of switches under load, of any edge by any command, and what clients saw of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import load
from load.latency import quantile, within

PAUSE_SECONDS = 1.5
"""Between two switches, so that there is a steady state to compare with."""
AROUND_SECONDS = 1.0
"""A switch's window: from so long before its first new answer to so long after the last old."""
TOLD_SECONDS = 30.0


@dataclass(frozen=True)
class Switch:
    """One switch; times in seconds since the load's start.

    Attributes:
        number: from 1.
        began, ended: of the command.
        seen: what clients saw of it; None if they saw none.
    """

    number: int
    began: float
    ended: float
    seen: load.Seen | None


@dataclass(frozen=True)
class Series:
    """Switches and the load's report."""

    report: load.Report
    switches: tuple[Switch, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data, latency in ms."""
        report, writes = self.report, self.report.writes
        seen = [(each, each.seen) for each in self.switches if each.seen]
        return {
            "switches": len(self.switches),
            "switches_seen": len(seen),
            "requests": report.requests,
            "seconds": round(report.seconds, 1),
            "failed": {kind: dict(causes) for kind, causes in report.failed.items()},
            "writes": {
                "acknowledged": writes.acknowledged,
                "lost": writes.lost,
                "doubled": writes.doubled,
                "verified": writes.verified,
            },
            "websockets": {
                "opened": report.websockets.opened,
                "cut": report.websockets.cut,
                "shortest_after_switch_s": _rounded(report.websockets.shortest_after_switch),
            },
            "reopened": report.reopened,
            "latency_ms": self._latency(),
            "command_s": _spread([each.ended - each.began for each in self.switches]),
            "first_new_s": _spread([seen.first_new - each.began for each, seen in seen]),
            "last_old_s": _spread([seen.last_old - each.began for each, seen in seen]),
            "both_answer_s": _spread([max(0, s.last_old - s.first_new) for _, s in seen]),
            "load_late": {
                "times": report.stalls.count,
                "longest_ms": round(report.stalls.longest * 1000),
            },
        }

    def _latency(self) -> dict[str, dict[str, float]]:
        slices = self.report.latencies
        switch = within(
            slices,
            [
                (each.seen.first_new - AROUND_SECONDS, each.seen.last_old + AROUND_SECONDS)
                for each in self.switches
                if each.seen
            ],
        )
        release = within(slices, [(each.began, each.ended) for each in self.switches])
        parts = {
            "switch": switch,
            # The whole command: the engine and the service's boot take processor time too.
            "release": release,
            "steady": slices.keys() - switch - release,
        }
        return {
            name: {
                f"p{share * 100:.0f}": round(
                    quantile((slices[number] for number in numbers), share) * 1000, 2
                )
                for share in (0.5, 0.99)
            }
            for name, numbers in parts.items()
        }


def drive(
    target: load.Target,
    plan: load.Plan,
    switch: Callable[[int], object],
    count: int,
    *,
    least_requests: int = 0,
    pause: float = PAUSE_SECONDS,
    told: Callable[[str], None] = lambda _text: None,
) -> Series:
    """Switch under load.

    Args:
        target: the edge, and what to ask of it.
        plan: how much load.
        switch: does one switch, and returns when it is done; gets its number, from 1.
        count: how many.
        least_requests: goes on switching until there were as many.
        pause: seconds of steady state before each switch and after the last.
        told: is told the progress.

    Raises:
        BenchError: the switch raised it.
        load.LoadError: the load cannot be run as asked.
    """
    moments: list[tuple[float, float]] = []
    with load.running(target, plan) as traffic:
        next_told = time.monotonic() + TOLD_SECONDS
        requests = 0
        while len(moments) < count or requests < least_requests:
            time.sleep(pause)
            began = time.monotonic()
            switch(len(moments) + 1)
            moments.append((began, time.monotonic()))
            if time.monotonic() > next_told:
                next_told = time.monotonic() + TOLD_SECONDS
                so_far = traffic.snapshot()
                requests = so_far.requests
                told(
                    f"{len(moments)} switches of {count}, {requests:,} requests, "
                    f"{so_far.failed_total:,} failed"
                )
        time.sleep(pause)
    report = traffic.report
    return Series(report, tuple(_matched(moments, report)))


def _matched(moments: list[tuple[float, float]], report: load.Report) -> list[Switch]:
    """Each command with what clients saw of it: the first switch that began within its time."""
    switches = []
    for number, (began, ended) in enumerate(moments, 1):
        begin, end = began - report.begun, ended - report.begun
        seen = next((s for s in report.switches if begin <= s.first_new <= end + 1), None)
        switches.append(Switch(number, begin, end, seen))
    return switches


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": round(median(values), 3), "max": round(max(values), 3)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
