"""Play the matrix: `python -m evidence.chaos`, or a part of it: `… --only TEXT`."""

import argparse
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from evidence.chaos import matrix, rows
from evidence.chaos.daemon import private_daemon
from evidence.chaos.player import Player
from evidence.chaos.rows import Row
from evidence.chaos.trial import play, stage

SECONDS_EACH = 15
TABLE_WIDTH = 140


class Progress:
    """Tells each row as it comes, and how long it will take yet."""

    def __init__(self, console: Console, count: int) -> None:
        """Start counting."""
        self._console, self._count, self._begun = console, count, time.monotonic()
        minutes = count * SECONDS_EACH / 60
        console.print(f"chaos: {count} rows, about {minutes:.0f} minutes on two cores")

    def tell(self, number: int, row: Row) -> None:
        """Tell one row."""
        spent = time.monotonic() - self._begun
        left = spent / number * (self._count - number) / 60
        self._console.print(
            f"{number:3}/{self._count} {row.verdict:7} {row.name}: {row.requests} requests, "
            f"{row.failed} failed, by {row.by}; about {left:.0f} min left",
            markup=False,
        )
        for problem in row.problems:
            self._console.print(f"        {problem}", markup=False)
        if row.skipped:
            self._console.print(f"        {row.skipped}", markup=False)


def main() -> int:
    """Play, tell, write; 1 if any row is red."""
    parser = argparse.ArgumentParser(prog="python -m evidence.chaos", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose name has this")
    parser.add_argument("--into", type=Path, default=Path("out/chaos.json"), metavar="FILE")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    # What starts this may ignore Ctrl-C, and would hand that on to what is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console = Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)
    if given.apart:
        fault = next(each for each in matrix.named() if each.name == given.only)
        with private_daemon(fault.daemon or ()), stage(fault) as own:
            rows.write([play(fault, own)], given.into)
        return 0
    faults = matrix.whole(given.only)
    progress = Progress(console, len(faults))
    found: list[Row] = []
    with Player() as player:
        for each in faults:
            found.append(player.play(each))
            progress.tell(len(found), found[-1])
            rows.write(found, given.into)
    console.print(rows.as_table(found))
    console.print(rows.summary(found))
    console.print(f"written: {given.into}")
    return 1 if any(row.problems for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
