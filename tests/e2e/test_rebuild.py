"""A stack's state is lost while everything runs: it is written anew, and nobody notices."""

import json
import shutil
from typing import Any

import pytest

from evidence import load
from evidence.lab.host import docker
from evidence.lab.stacks import Stack
from tests.e2e.conftest import CALM, StackMaker


def lose(stack: Stack) -> None:
    """Remove the whole state, as if the machine that kept it was gone."""
    shutil.rmtree(stack.folder / "state/.pulumi")


def running(stack: Stack) -> str:
    """Id and start of all that runs: the same for as long as nothing was touched."""
    mine = f"label=bluegreen.service={stack.service}"
    found = docker("ps", "-q", "--filter", mine).split()
    return docker("inspect", "-f", "{{.Name}} {{.Id}} {{.State.StartedAt}}", *sorted(found))


def resources(stack: Stack) -> list[dict[str, Any]]:
    """What the stack's state has."""
    done = stack.pulumi("stack", "export", "--stack", stack.name)
    assert done.code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)["deployment"].get("resources") or []
    return found


@pytest.mark.timeout(600)
def test_a_lost_state_is_rebuilt_under_load_and_the_stack_goes_on(make_stack: StackMaker) -> None:
    """No request fails, nothing is made or changed, and the next release is like any other."""
    stack = make_stack(grafana_ini="grafana.ini", limits={"memory": 256, "cpus": 1.5})
    secret = "hunter2-never-shown"
    path = "bluegreen:env.GF_SECURITY_ADMIN_PASSWORD"
    assert stack.pulumi("config", "set", "--secret", "--path", path, secret).code == 0
    stack.up()
    stack.up(active_color="green", green_version="12.4.0")
    before, had = running(stack), {each["urn"] for each in resources(stack)}
    outputs = stack.outputs()
    lose(stack)
    with load.running(stack.url, plan=CALM) as traffic:
        done = stack.bluegreen("recover", "--rebuild-state", "--yes")
        assert done.code == 0, done.output
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert f"container {stack.service}-green" in done.output
    assert "a preview changes nothing" in done.output
    assert secret not in done.output + json.dumps(resources(stack))
    assert running(stack) == before
    assert {each["urn"] for each in resources(stack)} == had
    same = ("live", "standby", "data", "url", "direct_urls", "fingerprints", "name")
    assert {key: stack.outputs()[key] for key in same} == {key: outputs[key] for key in same}
    assert stack.outputs()["pins"]["green"] == outputs["pins"]["green"]
    preview = stack.pulumi("preview", "--expect-no-changes", "--diff", "--refresh")
    assert preview.code == 0, preview.output
    assert stack.bluegreen("status", "--check").code == 0
    with load.running(stack.url, plan=CALM) as traffic:
        done = stack.bluegreen("deploy", "12.5.0", "--yes")
        assert "blue 12.5.0 is live" in done.output
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert stack.containers() == {"edge", "blue"}
    assert stack.pulumi("destroy", "--yes", "--skip-preview").code == 0
    mine = ("--filter", f"label=bluegreen.service={stack.service}", "--format")
    assert docker("ps", "-a", *mine, "{{.Names}}") == ""
    assert docker("network", "ls", *mine, "{{.Name}}") == ""
    kept = docker("volume", "ls", *mine, "{{.Name}}").split()
    assert sorted(kept) == [f"{stack.service}-data", f"{stack.service}-snapshots"]


@pytest.mark.timeout(600)
def test_what_does_not_fit_is_named_and_nothing_is_written(stack: Stack) -> None:
    """A state that is there, a file that says something else: exit 2, and the state stays empty."""

    def refused(*said: str) -> None:
        done = stack.bluegreen("recover", "--rebuild-state", "--yes")
        assert done.code == 2, done.output
        for words in (*said, "nothing was touched", "now: blue 12.3.0 keeps serving"):
            assert words in done.output

    before = running(stack)
    refused("the state is not lost: it has ")
    lose(stack)
    stack.configure(active_color="green", green_version="12.4.0")
    refused("blue 12.3.0 is live", "says active_color green, blue_version 12.3.0")
    stack.configure(active_color="blue", blue_version="12.4.0")
    refused("blue 12.3.0 is live", "says active_color blue, blue_version 12.4.0")
    port = stack.config["http_port"]
    stack.configure(blue_version="12.3.0", green_version=None, env={"PIN": "1"}, http_port=port + 1)
    refused(f"container {stack.service}-blue differs from the config:", "env PIN", "-edge", "ports")
    assert running(stack) == before
    assert resources(stack) == []
    own = "location / { proxy_pass http://{{ upstream }}; }"  # what a reload can change
    (stack.folder / "own.conf").write_text(own)
    stack.configure(env=None, http_port=port, service_template="own.conf")
    done = stack.bluegreen("recover", "--rebuild-state", "--yes")
    assert done.code == 0, done.output
    assert "the next update reloads nginx" in done.output
    assert running(stack) == before
    stack.up()
    assert running(stack) == before
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


@pytest.mark.timeout(600)
def test_a_rebuilt_state_knows_the_standby_and_where_a_clone_came_from(
    make_stack: StackMaker,
) -> None:
    """With a warm standby on the copy from before, `rollback` goes back to just that."""
    stack = make_stack(standby="keep", data={"mode": "clone"})
    stack.up()
    stack.up(active_color="green", green_version="12.4.0")
    before, data = running(stack), stack.outputs()["data"]
    lose(stack)
    done = stack.bluegreen("recover", "--rebuild-state", "--yes")
    assert done.code == 0, done.output
    assert running(stack) == before
    assert stack.outputs()["data"] | {"at": ""} == data | {"at": ""}
    assert stack.outputs()["standby"]["version"] == "12.3.0"
    assert stack.pulumi("preview", "--expect-no-changes").code == 0
    done = stack.bluegreen("rollback", "--yes")
    assert "blue 12.3.0 is live" in done.output, done.output
    assert running(stack) == before
