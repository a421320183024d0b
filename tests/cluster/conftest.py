"""One cluster for all tests here; stacks of each test's own on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bluegreen import defaults
from lab import cluster as lab_cluster
from lab import postgres
from lab.cluster import Cluster
from lab.stacks import VERSIONS
from lab.swarms import SwarmStack, removed

StackMaker = Callable[..., SwarmStack]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests that are here: they share a cluster, and stop its daemons."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("cluster"))


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


@pytest.fixture
def stack(make_stack: StackMaker) -> SwarmStack:
    """A stack with three replicas of blue live behind two edges."""
    made = make_stack()
    made.up()
    return made
