"""Small arithmetic on measured times: seconds in, rounded figures out."""

import statistics
import time
from collections.abc import Callable, Sequence

Figures = dict[str, float]


def timed(act: Callable[[], object]) -> float:
    """How long it took, in seconds."""
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


def spread(values: Sequence[float], digits: int = 2) -> Figures:
    """Median, least and most."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratio(ours: float, theirs: float) -> float:
    """Ours as a multiple of theirs, to two digits."""
    return round(ours / theirs, 2)
