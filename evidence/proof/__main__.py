"""`make data-proof`: each mode, each path, each acknowledged write."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evidence.lab import postgres
from evidence.lab.stacks import removed
from evidence.proof.judge import Row
from evidence.proof.paths import PATHS, Scene, play

MODES: Mapping[str, Mapping[str, Any]] = {
    "shared": {"data": {"mode": "shared"}},
    "clone": {"data": {"mode": "clone"}},
    "clone, allow_loss": {
        "data": {"mode": "clone", "block_writes": False, "allow_loss": True},
    },
    "external": {"data": {"mode": "external", "dump": True}, "data_path": ""},
    "none": {"data": {"mode": "none"}, "data_path": ""},
}
SECONDS_A_PATH = 12


def prove(mode: str, paths: Iterable[str] = tuple(PATHS)) -> Iterator[Row]:
    """Paths of one mode, one after the other on one stack."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="proof-")))
        stack = parts.enter_context(removed(folder, drain_timeout=2, **MODES[mode]))
        if mode == "external":
            server = parts.enter_context(postgres.running())
            stack.secret("database_url", server.url)
        stack.up()
        scene = Scene(mode, stack)
        for path in paths:
            yield play(scene, path)


def main() -> int:
    """Run the proof; exit code 1 when a row is not as it was announced."""
    parser = argparse.ArgumentParser(prog="python -m evidence.proof", description=__doc__)
    parser.add_argument("--mode", choices=list(MODES), action="append", help="only these modes")
    parser.add_argument("--into", type=Path, default=Path("out/data.json"), metavar="FILE")
    asked = parser.parse_args()
    modes = asked.mode or list(MODES)
    seconds = len(modes) * len(PATHS) * SECONDS_A_PATH
    print(f"data-proof: {len(modes) * len(PATHS)} rows, about {seconds / 60:.0f} min", flush=True)
    rows, begun = [], time.monotonic()
    for mode in modes:
        for row in prove(mode):
            rows.append(row)
            _tell(row)
            asked.into.parent.mkdir(parents=True, exist_ok=True)
            asked.into.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")
    bad = sum(not row.green for row in rows)
    print(
        f"data-proof: {len(rows)} rows, {bad} not as announced, "
        f"{time.monotonic() - begun:.0f} s; {asked.into}"
    )
    return 1 if bad else 0


def _tell(row: Row) -> None:
    print(
        f"{'green' if row.green else 'RED  '} {row.mode}: {row.path}: {row.acknowledged} "
        f"acknowledged, {row.found} found, {row.announced_loss} announced as lost"
        + (f", {row.held} times told to wait" if row.held else ""),
        flush=True,
    )
    if row.announced:
        print(f"      announced: {row.announced}")
    for problem in row.problems:
        print(f"      {problem}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
