"""The ledger: every request's fate, counted once, in bounded memory."""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable

from .report import Report, Websockets, Writes

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
OTHER = "other"


def status(code: int) -> str:
    """Name the cause for an answer that is not 2xx."""
    return f"status {code}"


EXAMPLES_PER_CAUSE = 5
MOST_EXAMPLES = 50
UNKNOWN_COLOR = "unknown"
LATENCY_KINDS = ("fresh", "keepalive", "post")
"""The kinds whose latency says something: the others take as long as they are told to."""
SWITCH_QUIET_SECONDS = 0.5
"""A color that was not seen for that long and answers again has been switched to."""
MOST_SWITCHES = 1000
DRAIN_TOLERANCE = 0.5
"""A switch is seen only with its first answer, a little late."""

_BUCKETS_PER_E = 50
"""Latency is kept in buckets of 2 %: exact enough, and bounded however long it runs."""


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
        self._switch_kinds = ("fresh",) if fresh else LATENCY_KINDS
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
        self._latency: Counter[int] = Counter()
        self._last_seen: dict[str, float] = {}
        self._switches: deque[float] = deque(maxlen=MOST_SWITCHES)
        self._websockets = Websockets()
        self._reopened = 0

    def color_seen(self, kind: str, header: str | None) -> None:
        """Note which color gave an answer, good or bad: the header's first word."""
        color = header.split()[0] if header and header.strip() else None
        now = self._clock()
        self._colors[color or UNKNOWN_COLOR] += 1
        self._timeline[int(now - self._begun)][color or UNKNOWN_COLOR] += 1
        if color and kind in self._switch_kinds:
            away_since = self._last_seen.get(color, -math.inf)
            others_since = max(
                (at for name, at in self._last_seen.items() if name != color), default=-math.inf
            )
            # The second condition: silence and then the same color again is no switch.
            if now - away_since > SWITCH_QUIET_SECONDS and others_since > away_since:
                self._switches.append(now)
            self._last_seen[color] = now

    def answered(self, kind: str, latency: float) -> None:
        """Count one request that was answered as it should be."""
        self._requests[kind] += 1
        self._answered[kind] += 1
        if kind in LATENCY_KINDS:
            self._latency[math.ceil(math.log(max(latency, 1e-6)) * _BUCKETS_PER_E)] += 1

    def failed(self, kind: str, failure: Failure) -> None:
        """Count one request that failed."""
        self._requests[kind] += 1
        self.found(kind, failure.cause, failure.seen)

    def found(self, kind: str, cause: str, seen: str, count: int = 1) -> None:
        """Count what went wrong beside the requests themselves, such as a lost write."""
        self._failed[kind][cause] += count
        self._failures[int(self._clock() - self._begun)][f"{kind} {cause}"] += count
        earlier = self._failed[kind][cause] - count
        if earlier < EXAMPLES_PER_CAUSE and len(self._examples) < MOST_EXAMPLES:
            now = time.time()
            stamp = time.strftime("%H:%M:%S", time.localtime(now))
            self._examples.append(f"{stamp}.{int(now % 1 * 1000):03d} {kind} {cause}: {seen}")

    def reopened(self) -> None:
        """Count a kept connection that the server closed while nothing was asked: its right."""
        self._reopened += 1

    def websocket_opened(self) -> None:
        """Count a WebSocket whose handshake was done."""
        self._websockets = Websockets(self._websockets.opened + 1, self._websockets.cut)

    def websocket_closed(self, opened_at: float, seen: str) -> None:
        """Count a WebSocket that was closed on us as cut, unless a switch gave it its time."""
        now = self._clock()
        # The first switch after it was opened: from then on its workers were to leave.
        switched_at = next((at for at in self._switches if at > opened_at), None)
        if switched_at is None:
            told = "with no switch since it was opened"
        elif now - switched_at + DRAIN_TOLERANCE >= self._drain_timeout:
            return
        else:
            told = f"{now - switched_at:.1f} s after a switch"
        self._websockets = Websockets(self._websockets.opened, self._websockets.cut + 1)
        self.found("websocket", CUT, f"{seen}, {now - opened_at:.1f} s old, {told}")

    def end(self) -> None:
        """Stop the clock: looking for the writes is no load any more."""
        self._ended = self._clock()

    def finished(self, kind: str) -> int:
        """Return how many requests of a kind have met their fate."""
        return self._requests[kind]

    def report(self) -> Report:
        """Sum up so far."""
        return Report(
            started=self._started,
            seconds=(self._ended or self._clock()) - self._begun,
            requests=self._requests.total(),
            answered=dict(self._answered),
            failed={kind: dict(causes) for kind, causes in self._failed.items() if causes},
            by_color=dict(self._colors),
            websockets=self._websockets,
            writes=self.writes,
            reopened=self._reopened,
            latency_p50=self._quantile(0.50),
            latency_p99=self._quantile(0.99),
            examples=tuple(self._examples),
            timeline={second: dict(colors) for second, colors in self._timeline.items()},
            failures={second: dict(causes) for second, causes in self._failures.items()},
        )

    def _quantile(self, share: float) -> float:
        wanted = share * self._latency.total()
        so_far = 0
        for bucket in sorted(self._latency):
            so_far += self._latency[bucket]
            if so_far >= wanted:
                return math.exp(bucket / _BUCKETS_PER_E)
        return 0.0
