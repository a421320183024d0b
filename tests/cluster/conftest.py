"""One cluster for all tests here; stacks of each test's own on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bluegreen.config import defaults
from bluegreen.config.settings import Color, other
from evidence.lab import cluster as lab_cluster
from evidence.lab import postgres
from evidence.lab.cluster import Cluster
from evidence.lab.host import LabFailed
from evidence.lab.stacks import VERSIONS
from evidence.lab.swarms import SwarmStack, removed

StackMaker = Callable[..., SwarmStack]
Folders = pytest.TempPathFactory
USUAL = {
    "edges_required": None,
    "env": None,
    "health": {"interval": 0.1},
    "bake": {"seconds": 1},
    "replicas": 2,
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes, the first of them the manager."""
    colors = [f"{defaults.IMAGE}:{version}" for version in VERSIONS.values()]
    with lab_cluster.running([defaults.EDGE_IMAGE, defaults.TOOLS_IMAGE, *colors]) as made:
        yield made


@pytest.fixture(scope="session")
def database(cluster: Cluster) -> Iterator[postgres.Server]:
    """A database server that every node reaches."""
    with postgres.running(cluster.manager.docker, cluster.manager.address) as server:
        yield server


@pytest.fixture
def make_stack(cluster: Cluster, database: postgres.Server, tmp_path: Path) -> Iterator[StackMaker]:
    """Makes stacks of the test's own, with a new database each, which are gone afterwards."""
    with ExitStack() as stacks:

        def make(**config: Any) -> SwarmStack:
            folder = tmp_path / f"program{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            stack = stacks.enter_context(removed(folder, cluster, **config))
            stack.secret("database_url", database.of_its_own(stack.name).url)
            return stack

        yield make


class Keeper:
    """Keeps one stack with two replicas for the tests that may take it over from each other."""

    def __init__(self, cluster: Cluster, database: postgres.Server, folders: Folders) -> None:
        """Make it when it is wanted first."""
        self._cluster, self._database, self._folders = cluster, database, folders
        self._kept = ExitStack()
        self._stack: SwarmStack | None = None

    def take(self) -> SwarmStack:
        """It, with one color live on all edges, the other gone, and nothing else asked for."""
        if self._stack is None:
            folder = self._folders.mktemp("program")
            made = self._kept.enter_context(removed(folder, self._cluster, replicas=2))
            made.secret("database_url", self._database.of_its_own(made.name).url)
            made.up()
            self._stack = made
        stack, color = self._stack, live(self._stack)
        versions = {f"{each}_version": version for each, version in VERSIONS.items()}
        stack.configure(**USUAL, **versions, active_color=color)
        if not stack.agree(color) or stack.replicas(other(color)):
            stack.up()
        return stack

    def throw_away(self) -> None:
        """Remove it: after a failure, nobody knows what it is like."""
        self._stack = None
        self._kept.close()


@pytest.fixture(scope="session")
def _keeper(
    cluster: Cluster, database: postgres.Server, tmp_path_factory: Folders
) -> Iterator[Keeper]:
    keeper = Keeper(cluster, database, tmp_path_factory)
    yield keeper
    keeper.throw_away()


@pytest.fixture
def shared(_keeper: Keeper, request: pytest.FixtureRequest) -> Iterator[SwarmStack]:
    """A stack that the tests hand on, with two replicas of either color live; `live` tells which.

    Take this one wherever it will do. When a test fails, it is thrown away.
    """
    failed = request.session.testsfailed
    try:
        stack = _keeper.take()
    except LabFailed:
        _keeper.throw_away()
        stack = _keeper.take()
    yield stack
    if request.session.testsfailed > failed:
        _keeper.throw_away()


def live(stack: SwarmStack) -> Color:
    """What the first edge says it serves."""
    color = stack.serves(stack.cluster.manager)[0]
    return "green" if color == "green" else "blue"
