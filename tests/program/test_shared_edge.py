"""The graph of an edge that services share, and of a service on it."""

import pytest

from tests.program.harness import FIRST, NAME, run_program
from tests.unit.conftest import FakeDocker

GUEST = FIRST | {"edge": "front", "hosts": ["a.example.com"]}


@pytest.fixture(autouse=True)
def there(docker: FakeDocker) -> FakeDocker:
    """An edge without services."""
    docker.does("cp", "echo 'Could not find the file' >&2; exit 1")
    return docker


def test_an_edge_is_made_and_is_deleted_only_after_its_last_service() -> None:
    """What refuses depends on all others, so that it is deleted first."""
    run = run_program({"kind": "edge", "https_port": 8443})
    assert {"network", "edge", "edge-holder", "last-one"} <= run.resources.keys()
    assert not {"blue", "gate", "switch", "data"} & run.resources.keys()
    assert {"edge", "edge-holder", "network"} <= run.before("last-one")
    ports = [(each["internal"], each["external"]) for each in run.inputs("edge-holder")["ports"]]
    assert ports == [(80, 80), (443, 8443)]
    assert run.outputs["edge"]["name"] == NAME
    assert "live" not in run.outputs


def test_a_service_on_it_makes_no_edge_and_joins_its_network() -> None:
    """Its place in the edge is there before the gate asks from inside it."""
    run = run_program(GUEST)
    assert not any(name.startswith("edge") for name in run.resources)
    joined = [each["name"] for each in run.inputs("blue")["networksAdvanced"]]
    assert joined == [NAME, "front"]
    assert "guest" in run.before("gate")
    assert run.outputs["url"] == "http://a.example.com"
    assert run.inputs("switch")["environment"]["BLUEGREEN_EDGE_ID"] == "holder-id"


def test_a_service_does_not_become_an_edge() -> None:
    """Its live color would be removed."""
    previous = {"live": {"color": "blue"}, "name": NAME, "fingerprints": {}}
    with pytest.raises(Exception, match="this stack is a service, and blue is live"):
        run_program({"kind": "edge"}, previous=previous)


def test_an_edge_that_is_not_there_is_no_edge_without_services(there: FakeDocker) -> None:
    """Its outputs may be of before somebody removed it."""
    there.does("cp", "echo 'No such container: front-edge' >&2; exit 1")
    with pytest.raises(Exception, match="front-edge is not there, though the outputs of front"):
        run_program(GUEST)


def test_a_service_that_goes_over_to_a_shared_edge_is_asked_first() -> None:
    """Its own edge is removed, and whoever still asks that is not served."""
    previous = {
        "live": {"color": "blue"},
        "name": NAME,
        "fingerprints": {"edge": {}, "blue": {}},
        "identity": {"id": "id", "key": "key"},
    }
    with pytest.raises(Exception, match="the stack's own edge would be removed"):
        run_program(GUEST | {"active_color": "green"}, previous=previous)
