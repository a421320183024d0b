"""What a trial found: one row of the matrix, and the matrix as JSON and as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

SAME = "the same command"
RECOVER = "recover"
NOTHING = "nothing"


@dataclass(frozen=True)
class Row:
    """One trial's result.

    Attributes:
        name: of the fault.
        at_ms: when it struck, counted from the start of the update; None if it never did.
        requests: how many the load made.
        failed: how many of them failed, of whatever kind, also those that are spared.
        lost_writes: acknowledged writes that were not there afterwards.
        converged: whether the stack became what was wanted, with nothing left to do.
        by: what converged it.
        spared: why this fault cannot but cost requests; "" when none may fail.
        failing_seconds: in how many seconds of the load a request failed.
        problems: what was not as it must be; none in a green row.
        skipped: why there was no trial; "" when there was.
    """

    name: str
    at_ms: int | None
    requests: int
    failed: int
    lost_writes: int
    converged: bool
    by: str
    spared: str = ""
    failing_seconds: int = 0
    problems: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """Green, red or skipped."""
        return "skipped" if self.skipped else "red" if self.problems else "green"

    def as_values(self) -> dict[str, Any]:
        """Plain values; what says nothing in this row is left out."""
        values: dict[str, Any] = {
            "name": self.name,
            "at_ms": self.at_ms,
            "requests": self.requests,
            "failed": self.failed,
            "lost_writes": self.lost_writes,
            "converged": self.converged,
            "by": self.by,
            "verdict": self.verdict,
        }
        if self.spared:
            values["spared"] = self.spared
        if self.failing_seconds:
            values["failing_seconds"] = self.failing_seconds
        if self.problems:
            values["problems"] = list(self.problems)
        if self.skipped:
            values["skipped"] = self.skipped
        return values


def skipped(name: str, why: str) -> Row:
    """The row of a fault that this machine cannot make."""
    return Row(name, None, 0, 0, 0, False, NOTHING, skipped=why)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the matrix as JSON, a line for each row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row.as_values()) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


def read(path: Path) -> list[Row]:
    """Read what `write` wrote."""
    found = []
    for values in json.loads(path.read_text()):
        del values["verdict"]
        values["problems"] = tuple(values.get("problems", ()))
        found.append(Row(**values))
    return found


def as_table(rows: Sequence[Row]) -> Table:
    """The matrix for people."""
    table = Table("fault", "at", "requests", "failed", "lost writes", "completed by", "", box=None)
    colors = {"green": "green", "red": "bold red", "skipped": "yellow"}
    for row in rows:
        at = "" if row.at_ms is None else f"{row.at_ms / 1000:.2f} s"
        counts = (str(row.requests), str(row.failed), str(row.lost_writes))
        verdict = f"[{colors[row.verdict]}]{row.verdict}[/]"
        table.add_row(row.name, at, *counts, row.by if row.converged else "—", verdict)
    return table


def summary(rows: Sequence[Row]) -> str:
    """The matrix in a line."""
    count = {kind: sum(row.verdict == kind for row in rows) for kind in ("green", "red", "skipped")}
    by = {how: sum(row.converged and row.by == how for row in rows) for how in (SAME, RECOVER)}
    return (
        f"chaos: {len(rows)} rows, {count['green']} green, {count['red']} red, "
        f"{count['skipped']} skipped; {sum(row.requests for row in rows):,} requests, "
        f"{sum(row.failed for row in rows):,} failed (all counted, whatever the reason), "
        f"{sum(row.lost_writes for row in rows)} acknowledged writes lost; "
        f"completed by the same command {by[SAME]}, by recover {by[RECOVER]}"
    )
