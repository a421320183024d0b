"""What a load found out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .switches import Seen


@dataclass(frozen=True, slots=True)
class Websockets:
    """How many were opened, how many of them cut, and how long the first cut one had."""

    opened: int = 0
    cut: int = 0
    shortest_after_switch: float | None = None
    """Seconds from a switch to the first close of a WebSocket from before it; None without."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often the load's own process was late (by 50 ms), and by how long at the most (s)."""

    count: int = 0
    longest: float = 0.0


@dataclass(frozen=True, slots=True)
class Writes:
    """What became of the writes; lost and doubled mean nothing before they were verified."""

    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The sum of all fates."""

    started: float
    """When, in seconds since 1970."""
    seconds: float
    requests: int
    """All that were finished, well or badly; a WebSocket's handshake is one."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """By kind: those that were answered as they should be."""
    failed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By kind, then by cause. Cut WebSockets and lost or doubled writes count here too."""
    by_color: Mapping[str, int] = field(default_factory=dict)
    """Answers, good or bad, by the color that their header named."""
    websockets: Websockets = Websockets()
    writes: Writes = Writes()
    reopened: int = 0
    """Idle connections that the server closed before anything was sent on them: no failure."""
    latency_p50: float = 0.0
    """Seconds, over fresh, keepalive and post; to 2 %."""
    latency_p99: float = 0.0
    examples: tuple[str, ...] = ()
    """The first failures of each cause: when, which kind, which cause, what was seen."""
    timeline: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Answers by color for each second since the start."""
    failures: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Failures by kind and cause for each second since the start."""
    begun: float = 0.0
    """The start on time.monotonic's clock, which all processes of a machine share."""
    switches: tuple[Seen, ...] = ()
    latencies: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    """By slice of time and bucket: see ``latency``. Empty before the end, as it is big."""
    stalls: Stalls = Stalls()

    @property
    def failed_total(self) -> int:
        """All failures of all kinds."""
        return sum(sum(causes.values()) for causes in self.failed.values())

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps({**asdict(self), "failed_total": self.failed_total})

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read what ``to_json`` wrote."""
        given: dict[str, Any] = json.loads(text)
        del given["failed_total"]
        given["websockets"] = Websockets(**given["websockets"])
        given["writes"] = Writes(**given["writes"])
        given["examples"] = tuple(given["examples"])
        given["switches"] = tuple(Seen(**each) for each in given["switches"])
        given["stalls"] = Stalls(**given["stalls"])
        for name in ("timeline", "failures"):
            given[name] = {int(second): counts for second, counts in given[name].items()}
        given["latencies"] = {
            int(number): {int(bucket): count for bucket, count in counts.items()}
            for number, counts in given["latencies"].items()
        }
        return cls(**given)

    def summary(self) -> str:
        """Return it in a few lines for people."""
        rate = self.requests / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.requests} requests in {self.seconds:.1f} s ({rate:.0f}/s), "
            f"{self.failed_total} failed",
            f"  answers by color: {_listed(self.by_color)}",
            f"  latency: p50 {self.latency_p50 * 1000:.1f} ms,"
            f" p99 {self.latency_p99 * 1000:.1f} ms",
            f"  websockets: {self.websockets.opened} opened, {self.websockets.cut} cut",
            f"  the load generator itself was late {self.stalls.count} times, at most "
            f"{self.stalls.longest * 1000:.0f} ms",
            f"  writes: {self.writes.acknowledged} acknowledged, "
            + (
                f"{self.writes.lost} lost, {self.writes.doubled} doubled"
                if self.writes.verified
                else "not verified"
            ),
        ]
        lines += [f"  failed {kind}: {_listed(causes)}" for kind, causes in self.failed.items()]
        lines += [f"    {example}" for example in self.examples]
        return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
