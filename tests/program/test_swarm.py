"""What the program declares on a Swarm: services, edges, and their order."""

from typing import Any

import pytest

from bluegreen.config.settings import Docker, Place
from bluegreen.release.order import Order
from tests.program.harness import FIRST, NAME, Run, refusal, run_program
from tests.unit.conftest import FakeDocker

EDGES = [{"name": "a"}, {"name": "b", "host": "ssh://op@b"}]
URL = "postgres://me:hunter2@db/grafana"


@pytest.fixture(autouse=True)
def manager(docker: FakeDocker) -> FakeDocker:
    """A Docker that manages a Swarm without services."""
    docker.does("info", "echo true")
    docker.does("service", "")
    docker.does("ps", "")
    return docker


def run(previous: dict[str, Any] | None = None, **more: Any) -> Run:
    """Run the program on a Swarm with two edges."""
    config = {**FIRST, "platform": "swarm", "replicas": 3, "edges": EDGES, "database_url": URL}
    return run_program(
        config | more, secret=("database_url",), docker={"host": "ssh://op@m"}, previous=previous
    )


def test_a_release_on_a_swarm_is_one_graph_too() -> None:
    """Service, number of replicas, gate, switch in all edges; only then the outgoing color."""
    before = {"live": {"color": "green"}, "fingerprints": {"green": {"image": "x"}}}
    found = run(before, standby="keep", standby_replicas=1)
    assert found["blue"].type == "docker:index/service:Service"
    assert found["scale-blue"].depends_on == {"blue", "identity"}
    assert found["gate"].depends_on >= {"edge-a-relieved", "edge-b-relieved", "scale-blue"}
    assert "switch" not in found.before("blue")
    assert {"gate", "switch", "edge-a", "edge-b"} <= found.before("green")
    assert (found.inputs("scale-blue")["replicas"], found.inputs("scale-green")["replicas"]) == (
        3,
        1,
    )
    assert not [name for name in found.resources if name.startswith("image-blue")]


def test_a_service_leaves_releases_to_the_switch() -> None:
    """Names lead to replicas, an update is made at once, and their number is not its business."""
    inputs = run(limits={"memory": 64, "cpus": 0.5}).inputs("blue")
    assert inputs["endpointSpec"] == {"mode": "dnsrr"}
    assert inputs["updateConfig"]["parallelism"] == 0
    assert inputs["updateConfig"]["failureAction"] == "pause"
    assert inputs["taskSpec"]["resources"]["limits"] == {
        "memoryBytes": 64 << 20,
        "nanoCpus": 500_000_000,
    }
    assert run()["blue"].options.ignoreChanges == ["mode"]


def test_the_network_spans_the_nodes_and_takes_plain_containers() -> None:
    """The edges are such."""
    inputs = run().inputs("network")
    assert (inputs["driver"], inputs["attachable"]) == ("overlay", True)


def test_each_edge_is_on_its_own_docker() -> None:
    """One with no host of its own is on the stack's."""
    found = run()
    assert found.inputs("docker-b")["host"] == "ssh://op@b"
    assert "docker-a" not in found.resources
    for part in ("edge-b", "edge-b-config", "image-edge-b"):
        assert "docker-b" in found[part].options.provider
    assert not found["edge-a"].options.provider


def test_the_switch_is_told_of_all_edges_and_replicas() -> None:
    """And the gate of the same."""
    found = run(edges_required=1)
    order = Order.from_json(found.inputs("switch")["environment"]["BLUEGREEN_ORDER"])
    there = (
        Place(f"{NAME}-edge-a", Docker(host="ssh://op@m")),
        Place(f"{NAME}-edge-b", Docker(host="ssh://op@b")),
    )
    assert (order.edges, order.edges_required, order.target.replicas) == (there, 1, 3)
    assert (
        found.inputs("switch")["environment"]["BLUEGREEN_EDGE_ID"]
        == "edge-a-holder-id edge-b-holder-id"
    )
    gate = found.inputs("gate")
    assert [each["container"] for each in gate["edges"]] == [p.container for p in there]
    assert (gate["edges_required"], gate["replicas"]) == (1, 3)
    assert f"# edges: {NAME}-edge-a {NAME}-edge-b (1 required)" in found.inputs("switch")["stdin"]


def test_a_secret_is_in_no_service_and_no_plain_input() -> None:
    """It is a Swarm secret, and the service is told the file."""
    found = run()
    env = found.inputs("blue")["taskSpec"]["containerSpec"]["env"]
    assert env["GF_DATABASE_URL__FILE"] == "/run/secrets/GF_DATABASE_URL"
    assert "GF_DATABASE_URL" not in env
    assert found["secret-blue-GF_DATABASE_URL"].is_secret("data")
    assert "hunter2" not in str(found.inputs("blue"))


def test_other_variables_get_the_usual_form() -> None:
    """NAME_FILE, as official images have it; a plain environment stays plain."""
    config = {**FIRST, "platform": "swarm", "data_path": "", "env": {"TOKEN": "x"}}
    secret = run_program(config, secret=("env",)).inputs("blue")["taskSpec"]["containerSpec"]
    assert secret["env"] == {"TOKEN_FILE": "/run/secrets/TOKEN"}
    plain = run_program(config).inputs("blue")["taskSpec"]["containerSpec"]
    assert plain["env"] == {"TOKEN": "x"}


def test_a_grafana_ini_is_a_swarm_config_that_is_named_by_its_content() -> None:
    """A config never changes: another text is another one."""
    inputs = run(grafana_ini="grafana.ini").inputs("config-blue")
    assert inputs["name"].startswith(f"{NAME}-blue-")


def test_a_docker_that_is_no_manager_is_refused_in_words(manager: FakeDocker) -> None:
    """Before the provider would fail in the middle."""
    manager.does("info", "echo false")
    said = refusal({**FIRST, "platform": "swarm", "data_path": ""})
    assert "cannot be used for it: it is not a Swarm manager. Next: set docker:host" in said


def test_an_edge_that_does_not_answer_stops_the_update_unless_it_is_not_required(
    manager: FakeDocker,
) -> None:
    """In the preview already, with what was seen and the way out."""
    manager.does("cp", "case $1 in *edge-b*) echo 'no route to host' >&2;; esac; exit 1")
    config = {**FIRST, "platform": "swarm", "data_path": "", "edges": EDGES}
    said = refusal(config, preview=True)
    assert "1 of 2 edges answer, edges_required is 2:" in said
    assert f"{NAME}-edge-b: no route to host" in said
    run_program(config | {"edges_required": 1})
