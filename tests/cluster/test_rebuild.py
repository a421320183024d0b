"""The state of a stack on a Swarm is lost: its services are taken over as they are."""

import json
import shutil

import pytest

from evidence.lab.swarms import SwarmStack, plan
from tests.cluster.conftest import StackMaker
from tests.cluster.test_release import lost_nothing


def running(stack: SwarmStack) -> dict[str, str]:
    """Each replica by its id, and each edge: the same for as long as nothing was touched."""
    manager = stack.cluster.manager.docker
    colors = [name for name in ("blue", "green") if stack.replicas(name)]
    tasks = {
        color: manager("service", "ps", "-q", "-f", "desired-state=running",
                       f"{stack.service}-{color}")
        for color in colors
    }  # fmt: skip
    edges = {node.name: node.docker("ps", "-q", "--no-trunc", "-f", f"name={stack.edge(node)}")
             for node in stack.cluster.nodes}  # fmt: skip
    return {**{k: " ".join(sorted(v.split())) for k, v in tasks.items()}, **edges}


@pytest.mark.timeout(900)
def test_a_lost_state_is_rebuilt_while_every_edge_serves(make_stack: StackMaker) -> None:
    """Services, secrets, configs and edges on two nodes; then a release is like any other."""
    stack = make_stack(standby="keep", standby_replicas=1, grafana_ini="grafana.ini",
                       limits={"memory": 300, "cpus": 0.5},
                       placement={"constraints": ["node.platform.os==linux"]})  # fmt: skip
    path = "bluegreen:env.GF_SECURITY_ADMIN_PASSWORD"
    done = stack.pulumi("config", "set", "--secret", "--path", path, "hunter2-never-shown")
    assert done.code == 0, done.output
    for color in ("blue", "green"):
        stack.up(active_color=color)
    before, outputs = running(stack), stack.outputs()
    shutil.rmtree(stack.folder / "state/.pulumi")
    with stack.loads(plan(stack.config["drain_timeout"])) as loads:
        done = stack.bluegreen("recover", "--rebuild-state", "--yes")
        assert done.code == 0, done.output
    assert lost_nothing(loads)
    assert "a preview changes nothing" in done.output
    assert running(stack) == before
    same = ("live", "standby", "data", "url", "urls")
    assert {key: stack.outputs()[key] for key in same} == {key: outputs[key] for key in same}
    preview = stack.pulumi("preview", "--expect-no-changes", "--diff", "--refresh")
    assert preview.code == 0, preview.output
    exported = stack.pulumi("stack", "export", "--stack", stack.name).output
    assert "hunter2-never-shown" not in exported
    assert json.loads(exported)["deployment"]["resources"]
    done = stack.bluegreen("rollback", "--yes")
    assert "blue " in done.output, done.output
    assert stack.agree("blue")
    done = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert done.code == 0, done.output
    assert stack.service not in stack.cluster.manager.docker("service", "ls")
