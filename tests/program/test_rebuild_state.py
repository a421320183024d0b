"""Rebuilding a lost state knows each resource that the program has."""

from collections.abc import Iterator

import pytest

from bluegreen.cli.rebuilding.acts import ACTS
from bluegreen.cli.rebuilding.found import KINDS, left_alone
from tests.program.harness import FIRST, Registered, run_program
from tests.program.test_swarm import run as run_on_swarm
from tests.unit.conftest import FakeDocker


@pytest.fixture(autouse=True)
def _manager(docker: FakeDocker) -> None:
    docker.does("info", "echo true")
    docker.does("service", "")
    docker.does("ps", "")


def resources() -> Iterator[Registered]:
    """What the program has, on either platform."""
    on_swarm = run_on_swarm(standby="keep", grafana_ini="grafana.ini")
    for run in (run_program(FIRST | {"standby": "keep"}), on_swarm):
        yield from run.resources.values()


def test_every_resource_is_found_or_remembered() -> None:
    """A type that is new in the program has to be given a place in the rebuilding."""
    for resource in resources():
        if not resource.type.startswith(("pulumi:providers:", "bluegreen:")):
            assert resource.type in ACTS.keys() | KINDS.keys(), resource.type


def test_what_the_program_ignores_is_taken_from_docker() -> None:
    """Or the plugin would see a change where the engine is told to see none."""
    for resource in resources():
        kind = KINDS.get(resource.type)
        if kind:
            ignored = set(resource.options.ignoreChanges)
            assert left_alone(kind, resource.name) >= ignored, resource.name
