"""One cluster for all tests here; stacks of each test's own on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from bluegreen.config import defaults
from evidence.lab import cluster as lab_cluster
from evidence.lab import postgres
from evidence.lab.cluster import Cluster
from evidence.lab.stacks import VERSIONS
from evidence.lab.swarms import SwarmStack, removed

StackMaker = Callable[..., SwarmStack]


class OneWorker(LoadScopeScheduling):  # type: ignore[misc]
    """Lets one worker run all tests here: they share a cluster, and stop its daemons.

    xdist's marks for that do nothing, and say nothing, with pytest 9.2 (its issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = Path(__file__).parent
        return folder.name if nodeid.startswith(f"tests/{folder.name}/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneWorker | None:
    """Take that for --dist loadgroup, and xdist's own for others."""
    return OneWorker(config, log) if config.getvalue("dist") == "loadgroup" else None


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
