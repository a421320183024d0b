"""A series of switches under load, of any edge by any command, and what clients saw of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import evidence.load as load
from evidence.bench.errors import BenchError
from evidence.lab.host import finish
from evidence.load.latency import quantile, within
from evidence.load.plan import KINDS

PAUSE_SECONDS = 1.5
"""Between two switches, so that there is a steady state to compare with."""
SENT_BEFORE = 0.3  # seconds; less than any pause between two switches
AROUND_SECONDS = 1.0
"""A switch's window: from so long before its first new answer to so long after the last old."""
TOLD_SECONDS = 30.0

Moment = tuple[float, float, bool]
"""Of a switch: when its command began and ended, and whether it succeeded."""


@dataclass(frozen=True)
class Switch:
    """One switch; times in seconds since the load's start.

    Attributes:
        number: from 1.
        began, ended: of the command.
        seen: what clients saw of it; None if they saw none.
        ok: whether the command succeeded.
    """

    number: int
    began: float
    ended: float
    seen: load.Seen | None
    ok: bool = True

    @property
    def command_s(self) -> float:
        """Seconds of the whole command."""
        return self.ended - self.began

    @property
    def first_new_s(self) -> float | None:
        """Seconds from the command's start to the new color's first answer."""
        return self.seen.first_new - self.began if self.seen else None

    @property
    def last_old_s(self) -> float | None:
        """Seconds from the command's start to the old color's last answer to a new connection."""
        return self.seen.last_old - self.began if self.seen else None


@dataclass(frozen=True)
class Series:
    """Switches and the load's report."""

    report: load.Report
    switches: tuple[Switch, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data, latency in ms."""
        report, writes = self.report, self.report.writes
        ended = [each for each in self.switches if each.ok]
        seen = [each.seen for each in ended if each.seen]
        return {
            "switches": len(ended),
            "switches_seen": len(seen),
            "requests": report.requests,
            "seconds": round(report.seconds, 1),
            "failed": {kind: sum(report.failed.get(kind, {}).values()) for kind in KINDS},
            "causes": {kind: dict(causes) for kind, causes in report.failed.items()},
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
            "command_s": _spread([each.command_s for each in ended]),
            "first_new_s": _spread([each.first_new_s for each in ended]),
            "last_old_s": _spread([each.last_old_s for each in ended]),
            "both_answer_s": _spread([max(0, each.last_old - each.first_new) for each in seen]),
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


class Stopped(BenchError):
    """The series ended before its time; `series` is what was found until then."""

    def __init__(self, reason: str, series: Series) -> None:
        """Say what was found so far, too."""
        whole = sum(each.ok for each in series.switches)
        super().__init__(
            f"{reason}; found until then: switches {whole}, requests "
            f"{series.report.requests:,}, failed {series.report.failed_total:,}"
        )
        self.series = series


def drive(
    target: load.Target,
    plan: load.Plan,
    switch: Callable[[int], object] | str,
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
        switch: does one switch, and returns when it is done; gets its number, from 1. Or a shell
            command, whose exit code must be 0.
        count: how many.
        least_requests: goes on switching until there were as many.
        pause: seconds of steady state before each switch and after the last.
        told: is told the progress.

    Raises:
        Stopped: a switch failed, or the load's time was over; it has what was found until then.
        load.LoadError: the load cannot be run as asked.
    """
    act = _command(switch) if isinstance(switch, str) else switch
    moments: list[Moment] = []
    failure: Exception | None = None
    with load.running(target, plan) as traffic:
        begun = time.monotonic()
        next_told = begun + TOLD_SECONDS
        requests = 0
        while not failure and (len(moments) < count or requests < least_requests):
            time.sleep(pause)
            began = time.monotonic()
            try:
                act(len(moments) + 1)
            # Whatever it is, it is the caller's and must not cost what was found.
            except Exception as error:
                failure = error
            moments.append((began, time.monotonic(), failure is None))
            if time.monotonic() - begun > plan.seconds and not failure:
                failure = BenchError(f"the load's {plan.seconds:g} s are over")
            if time.monotonic() > next_told or len(moments) >= count:
                next_told = time.monotonic() + TOLD_SECONDS
                so_far = traffic.snapshot()
                requests = so_far.requests
                told(
                    f"{len(moments)} switches of {count}, {requests:,} requests, "
                    f"{so_far.failed_total:,} failed"
                )
        time.sleep(pause)
    series = Series(traffic.report, tuple(_matched(moments, traffic.report)))
    if failure:
        raise Stopped(str(failure) or repr(failure), series) from failure
    return series


def _command(words: str) -> Callable[[int], None]:
    def switch(_number: int) -> None:
        done = finish(words)
        if done.code:
            raise BenchError(f"`{words}` ended with {done.code}: {done.output.strip()}")

    return switch


def _matched(moments: list[Moment], report: load.Report) -> list[Switch]:
    """Each command with what clients saw of it: the first switch that began within its time."""
    switches = []
    for number, (began, ended, ok) in enumerate(moments, 1):
        begin, end = began - report.begun, ended - report.begun
        # What was sent just before a quick command may be answered after it.
        near = (s for s in report.switches if begin - SENT_BEFORE <= s.first_new <= end + 1)
        seen = next(near, None)
        switches.append(Switch(number, begin, end, seen, ok))
    return switches


def _spread(values: Sequence[float | None]) -> dict[str, float]:
    known = [value for value in values if value is not None]
    if not known:
        return {}
    return {"median": round(median(known), 3), "max": round(max(known), 3)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
