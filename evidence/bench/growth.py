"""How updates slow down with the number of stacks on one host."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bluegreen.config.settings import Color, other
from evidence.bench.figures import timed
from evidence.bench.updates import preview_seconds
from evidence.lab.stacks import VERSIONS, Stack, removed

COUNTS = (1, 10, 50)
ROUNDS = 3
AT_ONCE = 3
# Addresses of the stacks' networks: Docker's own pools hold some 30 networks.
SUBNET = "10.213.{}.{}/28"


def measure(folder: Path, told: Callable[[str], None]) -> list[dict[str, Any]]:
    """Figures of one stack among so many, in seconds: update without changes, preview, release."""
    rows: list[dict[str, Any]] = []
    with _many() as make:
        stacks: list[Stack] = []
        for count in COUNTS:
            told(f"{count - len(stacks)} more stacks")
            stacks += make([folder / str(n) for n in range(len(stacks), count)])
            told(f"with {count} stacks on the host")
            rows.append({"stacks": count} | _figures(stacks[0]))
        told(f"removing {len(stacks)} stacks")
    return rows


def _figures(stack: Stack) -> dict[str, Any]:
    noop, preview, release, switch = [], [], [], []
    color: Color = stack.config["active_color"]
    for _ in range(ROUNDS):
        noop.append(timed(stack.up))
        preview.append(preview_seconds(stack))
        color = other(color)
        stack.configure(active_color=color, green_version=VERSIONS["green"])
        release.append(timed(stack.up))
        switch.append(stack.outputs()["switch"]["switch_seconds"])
    named = {"noop_up_s": noop, "preview_s": preview, "release_s": release, "switch_s": switch}
    return {name: round(median(values), 2) for name, values in named.items()}


@contextmanager
def _many() -> Iterator[Callable[[list[Path]], list[Stack]]]:
    """Makes stacks, some at once; all are gone afterwards."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        open_stacks: list[ExitStack] = []

        def one(folder: Path) -> Stack:
            number = int(folder.name)
            folder.mkdir()
            subnet = SUBNET.format(number // 16, number % 16 * 16)
            mine = ExitStack()
            open_stacks.append(mine)
            stack = mine.enter_context(removed(folder, subnet=subnet, preview_port=None))
            stack.up()
            return stack

        try:
            yield lambda folders: list(pool.map(one, folders))
        finally:
            list(pool.map(ExitStack.close, open_stacks))
