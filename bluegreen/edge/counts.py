"""What an edge has counted of users' requests: its metrics, in Prometheus' text format, as values.

nginx/count.awk makes them, and says what is counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE = re.compile(r"(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>[\d.]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Count:
    """Requests that a color answered in a while.

    Attributes:
        requests: all of them.
        errors: those answered with 5xx.
        abandoned: those whose client gave up after it had waited long (bake.slow).
        within: how many took up to so many seconds, by these seconds; WebSockets are left out.
    """

    requests: int = 0
    errors: int = 0
    abandoned: int = 0
    within: Mapping[float, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many did users no good."""
        return self.errors + self.abandoned

    @property
    def share(self) -> float:
        """The share of these, 0 to 1."""
        return self.failed / self.requests if self.requests else 0.0

    def __add__(self, other: "Count") -> "Count":
        """Of two edges together."""
        return self._with(other, 1)

    def __sub__(self, before: "Count") -> "Count":
        """What came since; an edge that started anew in between counts from nothing."""
        return self if before.requests > self.requests else self._with(before, -1)

    def _with(self, other: "Count", sign: int) -> "Count":
        bounds = self.within.keys() | other.within.keys()
        return Count(
            self.requests + sign * other.requests,
            self.errors + sign * other.errors,
            self.abandoned + sign * other.abandoned,
            {le: self.within.get(le, 0) + sign * other.within.get(le, 0) for le in bounds},
        )

    def quantile(self, share: float) -> float | None:
        """Seconds within which this share of requests was answered; None for none.

        By straight lines between the bounds, as Prometheus' histogram_quantile does.
        """
        bounds = sorted(self.within)
        if not bounds or not self.within[bounds[-1]]:
            return None
        wanted, low, below = share * self.within[bounds[-1]], 0.0, 0
        for bound in bounds:
            here = self.within[bound]
            if here >= wanted:
                if bound == float("inf"):
                    return low
                return low + (bound - low) * (wanted - below) / max(here - below, 1)
            low, below = bound, here
        return low


@dataclass(frozen=True)
class Counts:
    """What an edge has counted, by service and color."""

    by: Mapping[tuple[str, str], Count] = field(default_factory=dict)

    def of(self, service: str, color: str) -> Count:
        """Of one color."""
        return self.by.get((service, color), Count())

    @classmethod
    def read(cls, metrics: str) -> "Counts":
        """Read them from the metrics."""
        found: dict[tuple[str, str], Count] = {}
        for match in _LINE.finditer(metrics):
            labels = dict(_LABEL.findall(match["labels"]))
            if "service" not in labels:
                continue
            key, number = (labels["service"], labels["color"]), int(float(match["value"]))
            match match["name"]:
                case "bluegreen_requests_total":
                    one = Count(number, number if labels["code"] == "5xx" else 0)
                case "bluegreen_requests_abandoned_total":
                    one = Count(abandoned=number)
                case "bluegreen_request_seconds_bucket":
                    one = Count(within={float(labels["le"].replace("+", "")): number})
                case _:
                    continue
            found[key] = found.get(key, Count()) + one
        return cls(found)
