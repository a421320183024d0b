"""The ledger: every request's fate, counted once, in bounded memory."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

from .latency import Latencies, quantile
from .report import Report, Stalls, Websockets, Writes
from .switches import Switches

REFUSED = "refused"
RESET = "reset"
"""The request was sent, at least in part, and the connection ended without a byte in answer."""
TRUNCATED = "truncated"
"""The answer began and did not end."""
WRONG = "wrong body"
TIMED_OUT = "timed out"
CUT = "cut"
"""A WebSocket was closed on a client that had a right to it."""
LOST = "lost"
"""A write was acknowledged and is not there."""
DOUBLED = "doubled"
"""A write is there more than once."""
UNVERIFIED = "unverified"
"""Writes that nobody could look for in the end."""
STALE = "stale color"
"""A WebSocket that was opened after a switch landed on the color from before."""
OTHER = "other"


def status(code: int) -> str:
    """Name the cause for an answer that is not 2xx."""
    return f"status {code}"


EXAMPLES_PER_CAUSE = 5
MOST_EXAMPLES = 50
UNKNOWN_COLOR = "unknown"
LATENCY_KINDS = ("fresh", "keepalive", "post")
"""The kinds whose latency says something: the others take as long as they are told to."""
DRAIN_TOLERANCE = 0.5
"""A switch is seen only with its first answer, a little late."""
STALL_SECONDS = 0.05
"""A lateness of this process's own that is worth counting."""


class Failure(Exception):
    """A request failed: the cause that is counted, and what was seen."""

    def __init__(self, cause: str, seen: str) -> None:
        """Keep both for the ledger."""
        super().__init__(f"{cause}: {seen}")
        self.cause = cause
        self.seen = seen


class Ledger:
    """Counts fates as they come; ``report`` may be asked for at any time."""

    def __init__(
        self, drain_timeout: float, *, fresh: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start counting now; switches are told by the fresh clients' answers if there are any."""
        self.writes = Writes()
        self._drain_timeout = drain_timeout
        self._clock = clock
        # Kept connections stay with the old workers for a while after a switch: the color that
        # they see says less about when it was.
        self._switches = Switches(("fresh",) if fresh else LATENCY_KINDS)
        self._started = time.time()
        self._begun = self._clock()
        self._ended: float | None = None
        self._requests: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._failed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._colors: Counter[str] = Counter()
        self._timeline: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._failures: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._examples: list[str] = []
        self._latencies = Latencies()
        self._websockets = Websockets()
        self._stalls = Stalls()
        self._reopened = 0

    def color_seen(self, kind: str, header: str | None, begun: float | None = None) -> None:
        """Note which color gave an answer, good or bad: the header's first word.

        A request goes where the switch leads when it is sent, however long its answer takes; so it
        is `begun`, by the clock, that tells of a switch.
        """
        color = _first_word(header)
        at = self._now()
        self._colors[color or UNKNOWN_COLOR] += 1
        self._timeline[int(at)][color or UNKNOWN_COLOR] += 1
        if color:
            self._switches.answer(kind, color, at if begun is None else begun - self._begun)

    def answered(self, kind: str, latency: float) -> None:
        """Count one request that was answered as it should be."""
        self._requests[kind] += 1
        self._answered[kind] += 1
        if kind in LATENCY_KINDS:
            self._latencies.add(self._now(), latency)

    def failed(self, kind: str, failure: Failure) -> None:
        """Count one request that failed."""
        self._requests[kind] += 1
        self.found(kind, failure.cause, failure.seen)

    def found(self, kind: str, cause: str, seen: str, count: int = 1) -> None:
        """Count what went wrong beside the requests themselves, such as a lost write."""
        self._failed[kind][cause] += count
        self._failures[int(self._now())][f"{kind} {cause}"] += count
        earlier = self._failed[kind][cause] - count
        if earlier < EXAMPLES_PER_CAUSE and len(self._examples) < MOST_EXAMPLES:
            now = time.time()
            stamp = time.strftime("%H:%M:%S", time.localtime(now))
            self._examples.append(f"{stamp}.{int(now % 1 * 1000):03d} {kind} {cause}: {seen}")

    def reopened(self) -> None:
        """Count a kept connection that the server closed while nothing was asked: its right."""
        self._reopened += 1

    def websocket_opened(self, header: str | None = None, begun: float | None = None) -> None:
        """Count a WebSocket whose handshake, begun at a moment of the clock, was done."""
        opened = self._websockets.opened + 1
        self._websockets = replace(self._websockets, opened=opened)
        color = _first_word(header)
        if color and begun is not None and self._switches.is_stale(color, begun - self._begun):
            self.found("websocket", STALE, f"opened on {color} after a switch")

    def websocket_closed(self, opened_at: float, seen: str, header: str | None = None) -> None:
        """Count a WebSocket that was closed on us as cut, unless a switch gave it its time."""
        now = self._clock()
        # The first switch after it was opened: from then on its workers were to leave.
        switched_at = self._switches.first_away(_first_word(header), opened_at - self._begun)
        told = "with no switch since it was opened"
        if switched_at is not None:
            lived = now - self._begun - switched_at
            before = self._websockets.shortest_after_switch
            shortest = lived if before is None else min(before, lived)
            self._websockets = replace(self._websockets, shortest_after_switch=shortest)
            if lived + DRAIN_TOLERANCE >= self._drain_timeout:
                return
            told = f"{lived:.1f} s after a switch"
        self._websockets = replace(self._websockets, cut=self._websockets.cut + 1)
        self.found("websocket", CUT, f"{seen}, {now - opened_at:.1f} s old, {told}")

    def stalled(self, seconds: float) -> None:
        """Note that this process itself was late by so long: latency then is partly its own."""
        longest = max(seconds, self._stalls.longest)
        self._stalls = Stalls(self._stalls.count + (seconds > STALL_SECONDS), longest)

    def end(self) -> None:
        """Stop the clock: looking for the writes is no load any more."""
        self._ended = self._clock()

    def finished(self, kind: str) -> int:
        """Return how many requests of a kind have met their fate."""
        return self._requests[kind]

    def report(self, *, slices: bool = True) -> Report:
        """Sum up so far, with the latencies' slices or, at little cost, without."""
        return Report(
            started=self._started,
            begun=self._begun,
            seconds=(self._ended or self._clock()) - self._begun,
            requests=self._requests.total(),
            answered=dict(self._answered),
            failed={kind: dict(causes) for kind, causes in self._failed.items() if causes},
            by_color=dict(self._colors),
            websockets=self._websockets,
            writes=self.writes,
            reopened=self._reopened,
            latency_p50=quantile([self._latencies.total], 0.50),
            latency_p99=quantile([self._latencies.total], 0.99),
            examples=tuple(self._examples),
            timeline={second: dict(colors) for second, colors in self._timeline.items()},
            failures={second: dict(causes) for second, causes in self._failures.items()},
            switches=tuple(self._switches.seen),
            latencies=self._latencies.slices() if slices else {},
            stalls=self._stalls,
        )

    def _now(self) -> float:
        return self._clock() - self._begun


def _first_word(header: str | None) -> str | None:
    return header.split()[0] if header and header.strip() else None
