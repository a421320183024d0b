"""Each way a release can fail: a message of its own, the old color serves, the next run converges.

All under load: no request fails, but for those of the target that turned bad after its gate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

import evidence.load as load
from evidence.lab import processes
from evidence.lab.host import docker
from evidence.lab.processes import everything_below, kill, wait_for
from evidence.lab.stacks import Stack
from tests.e2e.conftest import CALM

GREEN = {"active_color": "green", "green_version": "12.4.0"}
BLUE = {"active_color": "blue"}


@contextmanager
def nothing_lost(stack: Stack) -> Iterator[None]:
    """Load during the block; no request of it may fail, and only blue may have answered."""
    with load.running(stack.url, plan=CALM) as traffic:
        yield
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert set(traffic.report.by_color) == {"blue"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            {"env": {"STANDIN_HEALTH": "failing"}, "health": {"timeout": 3}},
            "green 12.4.0 did not pass the health gate: 0 of 3 passes within 3 s",
            id="its health check never passes",
        ),
        pytest.param(
            {"env": {"STANDIN_EXIT_AFTER": "0"}},
            "green 12.4.0 did not pass the health gate: its container exited",
            id="its container exits",
        ),
        pytest.param(
            {"env": {"STANDIN_REPORT_VERSION": "12.2.9"}},
            "green 12.4.0 did not pass the health gate: reports version 12.2.9, wanted 12.4.0",
            id="its version is wrong",
        ),
        pytest.param(
            {"service_template": "broken.conf"},
            "switch to green 12.4.0 failed: nginx refuses the rendered config",
            id="its nginx config is broken",
        ),
    ],
)
def test_a_bad_release_leaves_the_old_color_serving(
    stack: Stack, config: dict[str, Any], message: str
) -> None:
    """The update fails with its own clear message and no traceback; reverting converges."""
    # The original's trouble: a missing semicolon.
    (stack.folder / "broken.conf").write_text("location / { proxy_pass http://{{ upstream }} }")
    with nothing_lost(stack):
        said = stack.up_fails(**GREEN, **config)
        assert message in said
        assert "blue 12.3.0 still serves" in said
        assert "Traceback" not in said
        assert stack.live() == ("blue", "12.3.0")
        assert stack.outputs()["live"]["color"] == "blue"
        shown = stack.pulumi("preview").output
        assert "switch" in shown, "the preview shows that the switch is still to come"
        stack.up(**BLUE, **dict.fromkeys(config))
    assert stack.containers() == {"edge", "blue"}
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_a_fixed_release_converges_by_the_same_command(stack: Stack) -> None:
    """After a failed gate the same `pulumi up`, with the cause mended, releases."""
    stack.up_fails(**GREEN, env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    stack.up(env=None, health={"interval": 0.1})
    assert stack.live() == ("green", "12.4.0")
    assert stack.containers() == {"edge", "green"}


def test_a_release_that_fails_its_users_is_taken_back(stack: Stack) -> None:
    """500s after the gate has passed: the bake sees them, restores, and users see no more."""
    bake = {"seconds": 8, "min_requests": 10}
    with load.running(stack.url, plan=CALM) as traffic:
        said = stack.up_fails(**GREEN, bake=bake, env={"STANDIN_FAIL_REQUESTS": "1"})
        assert "real traffic suffers" in said
        assert "blue 12.3.0 serves again (proven)" in said
        assert stack.live() == ("blue", "12.3.0")
    assert set(traffic.report.failed) > set(), "the target did fail some"
    with nothing_lost(stack):
        stack.up(**BLUE, env=None)
    assert stack.containers() == {"edge", "blue"}


def test_a_target_that_dies_while_baking_is_taken_back(stack: Stack) -> None:
    """Without any traffic too: the target is asked for its health while it bakes."""
    stack.configure(**GREEN, bake={"seconds": 30}, env={"STANDIN_EXIT_AFTER": "6"})
    said = stack.up_fails()
    assert "fell ill while baking" in said
    assert stack.live() == ("blue", "12.3.0")


@pytest.mark.parametrize("victim", ["the whole update", "the switch alone"])
def test_a_release_killed_while_baking_goes_back_by_itself(stack: Stack, victim: str) -> None:
    """Kill -9 in mid-switch: the edge restores blue with nobody's help; the next run converges."""
    stack.configure(**GREEN, bake={"seconds": 60})
    update = stack.start(stack.command("up", "--yes", "--skip-preview"))
    try:
        wait_for(lambda: stack.live()[0] == "green")
        if victim == "the whole update":
            kill(everything_below(update.pid))
        else:
            kill(
                [
                    pid
                    for pid in everything_below(update.pid)
                    if "bluegreen.release.switch" in processes.words(pid)
                ]
            )
        update.wait(timeout=60)
        wait_for(lambda: stack.live() == ("blue", "12.3.0"))
    finally:
        kill(everything_below(update.pid))
        update.wait(timeout=60)
    stack.pulumi("cancel", "--yes")  # the dead update's lock
    stack.up(bake={"seconds": 1})
    assert stack.live() == ("green", "12.4.0")
    assert stack.containers() == {"edge", "green"}


def test_an_update_that_died_after_its_switch_is_put_right(stack: Stack) -> None:
    """Nginx serves green, the stack says blue, and blue is wanted: blue it is, and no outage."""
    before = stack.pulumi("stack", "export", "--stack", stack.name).output
    stack.up(**GREEN, standby="keep")
    exported = stack.folder / "before.json"
    exported.write_text(before)
    with load.running(stack.url, plan=CALM) as traffic:
        docker("rm", "-f", f"{stack.service}-blue")
        stack.pulumi("stack", "import", "--stack", stack.name, "--file", str(exported))
        docker("rename", f"{stack.service}-green", f"{stack.service}-kept")
        docker("rename", f"{stack.service}-kept", f"{stack.service}-green")
        shown = stack.pulumi("preview", "--diff").output
        assert "nginx serves green 12.4.0, the stack's outputs say blue" in shown
        stack.configure(active_color="blue")
        assert stack.pulumi("refresh", "--yes", "--skip-preview").code == 0
        stack.up(standby="remove")
        assert stack.live() == ("blue", "12.3.0")
    assert traffic.report.failed_total == 0, traffic.report.summary()


def test_a_live_container_that_was_stopped_by_hand_is_no_success(stack: Stack) -> None:
    """`pulumi up` with nothing to change must not say that all is well."""
    docker("stop", "-t", "5", f"{stack.service}-blue")
    said = stack.up_fails()
    assert "its container exited" in said
    assert "the container of blue is exited" in said
    docker("start", f"{stack.service}-blue")
    stack.up()
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_changing_the_live_color_in_place_is_refused_in_the_preview(stack: Stack) -> None:
    """Users would be interrupted: refused by name, in preview and update, unless allowed."""
    stack.configure(blue_version="12.3.1")
    for words in (("preview",), ("up", "--yes", "--skip-preview")):
        done = stack.pulumi(*words)
        assert done.code != 0
        assert "blue is live and would be replaced" in done.output
        assert "12.3.0 → " in done.output
        assert "Traceback" not in done.output
    stack.configure(blue_version="12.3.0", preview_port=stack.preview_port + 1)
    assert "the edge would be replaced" in stack.pulumi("preview").output
    stack.up(preview_port=stack.preview_port, blue_version="12.3.1", allow_in_place=True)
    assert stack.live() == ("blue", "12.3.1")


def test_a_change_of_the_templates_reaches_the_running_edge_without_replacing_it(
    stack: Stack,
) -> None:
    """A changed template is one more switch, to the same color."""
    edge = docker("inspect", "-f", "{{.Id}}", f"{stack.service}-edge")
    template = stack.folder / "nginx" / "service.conf"
    template.write_text("add_header X-Changed yes always;\n" + template.read_text())
    with load.running(stack.url, plan=replace(CALM, websocket=0)) as traffic:
        stack.up()
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert docker("inspect", "-f", "{{.Id}}", f"{stack.service}-edge") == edge
    assert httpx.get(stack.url).headers["X-Changed"] == "yes"


def test_bad_config_is_told_all_at_once_before_anything_is_touched(stack: Stack) -> None:
    """Every mistake by key in one message, in preview too, without a traceback."""
    stack.configure(active_color="red", standby="perhaps", helth={"path": "/"}, drain_timeout=0)
    for words in (("preview",), ("up", "--yes", "--skip-preview")):
        done = stack.pulumi(*words)
        assert done.code != 0
        for key in ("active_color", "standby", "helth", "drain_timeout"):
            assert f"- {key}: " in done.output
        assert "4 mistakes; nothing was touched" in done.output
        assert "Traceback" not in done.output
