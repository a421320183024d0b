"""End-to-end tests need the real engine and daemon: without them they are skipped, by name."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import evidence.load as load
from evidence.lab.stacks import Stack, removed

StackMaker = Callable[..., Stack]
# Not all that the machine can bear: for where none of the requests may fail, or many must.
CALM = load.Plan(slow=0, download=0, pace=0.25)


@pytest.fixture(scope="session", autouse=True)
def _real_parts() -> None:
    for tool, words in (("pulumi", ["version"]), ("docker", ["version"])):
        if not shutil.which(tool):
            pytest.skip(f"no {tool} on PATH: run `make test`")
        if subprocess.run([tool, *words], capture_output=True, check=False).returncode:
            pytest.skip(f"`{tool} {words[0]}` fails: is the daemon running? run `make test`")


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[StackMaker]:
    """Makes stacks of the test's own, which are gone afterwards."""
    with ExitStack() as stacks:

        def make(**config: Any) -> Stack:
            folder = tmp_path / f"program{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stacks.enter_context(removed(folder, **config))

        yield make


@pytest.fixture
def stack(make_stack: StackMaker) -> Stack:
    """A stack with blue 12.3.0 live."""
    made = make_stack()
    made.up()
    return made
