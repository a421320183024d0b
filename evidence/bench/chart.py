"""Draws a run: answers per second by color over time, failures marked, and each switch.

Again from a record:
`python -m evidence.bench.chart out/this-program.record.json PICTURE.svg TITLE`.
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import evidence.load as load

COLORS = {"blue": "#3573e0", "green": "#2f9e62", "unknown": "#9a9a9a"}
FAILED = "#d02f2f"
WIDTH, HEIGHT = 8.6, 3.0  # inches, at 100 dots each: what a README shows
MOST_BINS = 140
MOST_LINES = 20


def draw(report: load.Report, path: Path, title: str = "") -> None:
    """Draw it into an SVG or PNG file.

    Args:
        report: the load's report.
        path: the file; its ending tells the format.
        title: what the first line begins with.
    """
    from matplotlib import rc_context  # half a second that only who draws has to wait
    from matplotlib.figure import Figure

    seconds = max(1, math.ceil(report.seconds))
    width = max(1, math.ceil(seconds / MOST_BINS))
    bins = range(math.ceil(seconds / width))
    with rc_context({"font.size": 9, "svg.hashsalt": "bluegreen", "svg.fonttype": "none"}):
        figure = Figure((WIDTH, HEIGHT), dpi=100, layout="constrained")
        axes = figure.add_subplot()
        floor = [0.0] * len(bins)
        for color, fill in COLORS.items():
            rates = _rates(report, color, width, len(bins))
            if any(rates):
                left = [number * width for number in bins]
                axes.bar(
                    left, rates, width * 0.96, floor, align="edge", color=fill, label=color, lw=0
                )
                floor = [a + b for a, b in zip(floor, rates, strict=True)]
        most = max(floor, default=1) or 1
        _mark_failures(axes, report, width, most)
        _mark_switches(axes, report.switches, most)
        axes.set_xlim(0, len(bins) * width)
        axes.set_ylim(0, most * 1.18)
        axes.set_ylabel("answers per second")
        axes.set_xlabel("seconds")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98), ncols=5, frameon=False, handlelength=1.4
        )
        axes.set_title(_title(report, title), loc="left", fontsize=10)
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata)


def _rates(report: load.Report, color: str, width: int, count: int) -> list[float]:
    sums = [0] * count
    for second, counts in report.timeline.items():
        if second // width < count:
            sums[second // width] += counts.get(color, 0)
    return [each / width for each in sums]


def _mark_failures(axes: Any, report: load.Report, width: int, most: float) -> None:
    failed: dict[int, int] = {}
    for second, causes in report.failures.items():
        place = second // width
        failed[place] = failed.get(place, 0) + sum(causes.values())
    if not failed:
        return
    across = [(place + 0.5) * width for place in failed]
    axes.scatter(
        across, [most * 1.04] * len(across), marker="v", s=22, color=FAILED, label="failed", lw=0
    )
    if len(failed) <= MOST_LINES:
        for x, count in zip(across, failed.values(), strict=True):
            axes.annotate(
                str(count), (x, most * 1.07), ha="center", va="bottom", color=FAILED, fontsize=8
            )


def _mark_switches(axes: Any, switches: Sequence[load.Seen], most: float) -> None:
    many = len(switches) > MOST_LINES
    for number, switch in enumerate(switches):
        axes.vlines(
            switch.first_new,
            0,
            most * 1.02,
            colors="#222222",
            linestyles="solid" if many else "dashed",
            lw=0.4 if many else 1,
            label="switch" if number == 0 else None,
        )


def _title(report: load.Report, title: str) -> str:
    parts = [
        title,
        f"{report.requests:,} requests",
        f"{len(report.switches)} switches",
        f"{report.failed_total:,} failed",
    ]
    return ", ".join(filter(None, parts))


if __name__ == "__main__":
    record, picture, heading = sys.argv[1:]
    draw(load.Report.from_json(Path(record).read_text()), Path(picture), heading)
