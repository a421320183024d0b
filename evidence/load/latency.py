"""Latency kept by slices of time, so that a switch can be told from the time around it."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

SLICE_SECONDS = 0.25

_BUCKETS_PER_E = 50
"""Latency is kept in buckets of 2 %: exact enough, and bounded however long it runs."""

Slices = Mapping[int, Mapping[int, int]]
"""By slice since the start, then by bucket: how many requests took that long."""


class Latencies:
    """Counts latencies as they come."""

    def __init__(self) -> None:
        """Begin with none."""
        self._slices: defaultdict[int, dict[int, int]] = defaultdict(dict)
        self.total: Counter[int] = Counter()
        """Of all slices, kept beside them: summing up half an hour would stop the clients."""

    def add(self, at: float, latency: float) -> None:
        """Count one, answered so many seconds after the start."""
        bucket = math.ceil(math.log(max(latency, 1e-6)) * _BUCKETS_PER_E)
        counts = self._slices[int(at / SLICE_SECONDS)]
        counts[bucket] = counts.get(bucket, 0) + 1
        self.total[bucket] += 1

    def slices(self) -> dict[int, dict[int, int]]:
        """All of them, as plain data."""
        return {number: dict(counts) for number, counts in self._slices.items()}


def quantile(slices: Iterable[Mapping[int, int]], share: float) -> float:
    """Seconds, to 2 %, within which this share of the requests was answered; 0 without any."""
    sums: Counter[int] = Counter()
    for counts in slices:
        sums.update(counts)
    wanted, so_far = share * sums.total(), 0
    for bucket in sorted(sums):
        so_far += sums[bucket]
        if so_far >= wanted:
            return math.exp(bucket / _BUCKETS_PER_E)
    return 0.0


def within(slices: Slices, windows: Iterable[tuple[float, float]]) -> set[int]:
    """The numbers of the slices that these windows, in seconds since the start, touch."""
    touched: set[int] = set()
    for begin, end in windows:
        touched.update(range(int(begin / SLICE_SECONDS), int(end / SLICE_SECONDS) + 1))
    return touched & slices.keys()
