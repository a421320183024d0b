"""End-to-end tests need the real engine and daemon: without them they are skipped, by name."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import evidence.load as load
from evidence.lab.host import free_ports
from evidence.lab.shared import Keeper, SharedStack
from evidence.lab.stacks import Stack, removed

StackMaker = Callable[..., Stack]
# Seconds: a WebSocket makes each release last so long.
DRAIN = 5
# Not all that the machine can bear: for where none of the requests may fail, or many must.
CALM = load.Plan(slow=0, download=0, websocket=2, pace=0.1, drain_timeout=DRAIN)


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


@pytest.fixture(scope="session")
def _keeper() -> Iterator[Keeper]:
    blue_port, green_port = free_ports(2)
    with Keeper(blue_port=blue_port, green_port=green_port, drain_timeout=DRAIN) as keeper:
        yield keeper


@pytest.fixture
def shared(_keeper: Keeper, request: pytest.FixtureRequest) -> Iterator[SharedStack]:
    """A stack that the tests of a worker hand on: take this one wherever it will do.

    Blue 12.3.0 or green 12.4.0 is live: `shared.old`; the other one is not there: `shared.new`.
    `shared.up(**shared.release)` makes that live, and `shared.revert` is the config from before.
    Both have direct ports. Data and snapshots of the tests before are there.

    Leave it with either one live, by an update that succeeded with the config as it came (but for
    active_color), and nothing else running: then the next test takes it over, which saves it what
    a release takes. However else it is left, and when the test fails, there is nothing to put
    right: it is thrown away. A test that wants data, color or config for itself takes `stack` or
    `make_stack`.
    """
    failed = request.session.testsfailed
    yield _keeper.take()
    if request.session.testsfailed > failed:
        _keeper.throw_away()


@pytest.fixture
def stack(make_stack: StackMaker) -> Stack:
    """A stack with blue 12.3.0 live."""
    made = make_stack()
    made.up()
    return made
