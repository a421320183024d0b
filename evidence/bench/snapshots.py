"""What a snapshot costs: its time and size, what it adds to a release, and who waits for it."""

import itertools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bluegreen.config import defaults
from bluegreen.config.settings import other
from bluegreen.data.names import data_of
from evidence.bench.errors import BenchError
from evidence.bench.figures import timed
from evidence.lab.host import docker
from evidence.lab.stacks import VERSIONS, Stack, removed
from evidence.proof.writer import Writer

SIZES = (10_000_000, 1_000_000_000)
# Rows beside the service's own, as blobs that nothing can make smaller.
_FILL = """\
import sqlite3, os
file = sqlite3.connect("/data/grafana.db", timeout=60)
file.execute("CREATE TABLE IF NOT EXISTS filler (data BLOB)")
for _ in range({megabytes}):
    with file:
        file.execute("INSERT INTO filler VALUES (randomblob(1000000))")
"""


def measure(folder: Path, told: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure each size on one stack, which grows; times in seconds."""
    found = []
    with removed(folder, bake={"seconds": 0}, drain_timeout=1) as stack:
        stack.up()
        filled = 0
        for size in SIZES:
            told(f"snapshots of {size / 1e6:,.0f} MB")
            _fill(stack, (size - filled) // 1_000_000)
            filled = size
            found.append(_measure(stack))
    return found


def _fill(stack: Stack, megabytes: int) -> None:
    volume = data_of(stack.service)
    docker(
        *("run", "--rm", "--network", "none", "-v", f"{volume}:/data", defaults.TOOLS_IMAGE),
        *("python3", "-c", _FILL.format(megabytes=megabytes)),
    )


def _measure(stack: Stack) -> dict[str, Any]:
    with Writer(stack.url) as writer:
        writer.wait_for(50)
        before = len(writer.writes)
        done = stack.bluegreen("snapshot", "create", "--json")
        after = len(writer.writes)
        writer.wait_for(50)
    if done.code or writer.failures:
        raise BenchError(f"the snapshot failed: {done.output} {writer.failures[:1]}")
    taken = json.loads(done.output)
    during = writer.writes[before - 1 : after + 1]
    pauses = [b.acknowledged - a.acknowledged for a, b in itertools.pairwise(during)]
    target = other(stack.config["active_color"])
    release = timed(
        lambda: stack.up(active_color=target, **{f"{target}_version": VERSIONS[target]})
    )
    stack.bluegreen("snapshot", "prune", "--keep", "0", "--all", "--yes")
    return {
        "data_bytes": taken["bytes"],
        "snapshot_s": taken["seconds"],
        "added_to_release_s": round(_step_seconds(stack), 2),
        "release_s": round(release, 2),
        "writes_meanwhile": after - before,
        "longest_pause_s": round(max(pauses), 3),
        "usual_pause_s": round(statistics.median(pauses), 3),
    }


def _step_seconds(stack: Stack) -> float:
    """How long the release's data step took, its container's start included."""
    state = json.loads(stack.pulumi("stack", "export", "--stack", stack.name).output)
    resources = state["deployment"]["resources"]
    step = next(each for each in resources if each["urn"].endswith("::data-step"))
    return float(step["outputs"]["seconds"])
