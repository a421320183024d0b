"""What a load found out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Websockets:
    """How many were opened, and how many of them cut."""

    opened: int = 0
    cut: int = 0


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
        for name in ("timeline", "failures"):
            given[name] = {int(second): counts for second, counts in given[name].items()}
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
