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
from evidence.lab.host import docker
from evidence.lab.processes import everything_below, kill, wait_for, words
from evidence.lab.shared import SharedStack
from tests.e2e.conftest import CALM
from tests.e2e.test_requests import asked


@contextmanager
def nothing_lost(stack: SharedStack) -> Iterator[None]:
    """Load during the block; no request may fail, and only the old color may have answered."""
    with load.running(stack.url, plan=CALM) as traffic:
        yield
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert set(traffic.report.by_color) == {stack.old.color}


def refused(stack: SharedStack, message: str, **config: Any) -> None:
    """A release that must fail with this message, and leave the old color live."""
    said = stack.up_fails(**stack.release, **config)
    assert message.format(stack.new) in said
    assert f"{stack.old} keeps serving" in said
    assert "Traceback" not in said
    assert stack.live() == stack.old


def reverted(stack: SharedStack) -> None:
    """Take the release back: what is still to come is shown before, and nothing is afterwards."""
    assert stack.outputs()["live"]["color"] == stack.old.color
    shown = stack.pulumi("preview").output
    assert "switch" in shown, "the preview shows that the switch is still to come"
    stack.up(**stack.revert)
    assert stack.containers() == {"edge", stack.old.color}
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


@pytest.mark.timeout(600)
def test_a_target_that_does_not_pass_its_gate_leaves_the_old_color_serving(
    shared: SharedStack,
) -> None:
    """Each cause with its own clear message and no traceback; reverting converges."""
    fails = "{} did not pass the health gate: "
    with nothing_lost(shared):
        # Its health check never passes; its container exits; its version is wrong.
        never = {"env": {"STANDIN_HEALTH": "failing"}, "health": {"timeout": 3}}
        refused(shared, f"{fails}0 of 3 passes within 3 s", **never)
        exits = {"env": {"STANDIN_EXIT_AFTER": "0"}, "health": {"timeout": 20}}
        refused(shared, f"{fails}its container exited", **exits)
        wrong = {"STANDIN_REPORT_VERSION": "12.2.9"}
        refused(shared, f"{fails}reports version 12.2.9, wanted {shared.new.version}", env=wrong)
        reverted(shared)


def test_a_broken_nginx_config_leaves_the_old_color_serving(shared: SharedStack) -> None:
    """Whether it is read before, as the original's missing semicolon, or by nginx alone."""
    broken = shared.folder / "broken.conf"
    broken.write_text("location / { proxy_pass http://{{ upstream }} }")
    said = shared.up_fails(**shared.release, service_template=broken.name)
    assert 'broken.conf:1: directive "proxy_pass" is not terminated by ";"' in said
    broken.write_text("location / { proxy_pass http://{{ upstream }}; proxy_bufering off; }")
    with nothing_lost(shared):
        message = "switch to {} failed: nginx refuses the rendered config"
        refused(shared, message, service_template=broken.name)
        reverted(shared)


def test_a_fixed_release_converges_by_the_same_command(shared: SharedStack) -> None:
    """After a failed gate the same `pulumi up`, with the cause mended, releases."""
    shared.up_fails(**shared.release, env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    shared.up(env=None, health={"interval": 0.1})
    assert shared.live() == shared.new
    assert shared.containers() == {"edge", shared.new.color}


@pytest.mark.timeout(600)
def test_a_target_that_turns_bad_while_it_bakes_is_taken_back(shared: SharedStack) -> None:
    """Without traffic too, when it dies: it is asked for its health while it bakes.

    With 500s after its gate has passed, the bake sees them, restores, and users see no more.
    """
    dies = {"bake": {"seconds": 30}, "env": {"STANDIN_EXIT_AFTER": "6"}}
    said = shared.up_fails(**shared.release, **dies)
    assert "failed during the bake" in said
    assert shared.live() == shared.old
    fails = {"bake": {"seconds": 8, "min_requests": 10}, "env": {"STANDIN_FAIL_REQUESTS": "1"}}
    with load.running(shared.url, plan=CALM) as traffic:
        said = shared.up_fails(**shared.release, **fails)
        assert "too many errors in real traffic" in said
        assert f"{shared.old} serves again (proven)" in said
        assert shared.live() == shared.old
    assert traffic.report.failed, "the target did fail some"
    with nothing_lost(shared):
        shared.up(**shared.revert)
    assert shared.containers() == {"edge", shared.old.color}


MALFORMED = (
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: bogus\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\r\n\r\n",
)


def test_what_users_meet_while_it_bakes_is_judged_and_what_nginx_answers_itself_is_not(
    shared: SharedStack,
) -> None:
    """A target whose pages hang, with a good health, is taken back; 400 malformed requests do not.

    Those who wait on it do so for as long as the bake lasts: there is nothing to be counted.
    """
    bake = {"seconds": 10, "slow": 4, "min_requests": 20}
    with load.running(shared.url, plan=load.Plan(pace=0.1, websocket=0)) as traffic:
        hangs = {"env": {"STANDIN_HANG_REQUESTS": "1"}}
        said = shared.up_fails(**shared.release, **hangs, bake=bake)
        assert f"{shared.new.color} hangs: requests are open, and / is not answered" in said
        assert f"{shared.old} serves again (proven)" in said
    assert traffic.report.failed, "the target did let some wait"
    shared.configure(**shared.release, env=None, bake=bake)
    update = shared.start(shared.command("up", "--yes", "--skip-preview"))
    try:
        wait_for(lambda: shared.live() == shared.new)
        answers = [asked(shared.http_port, each)[0] for each in MALFORMED * 100]
        assert update.wait(timeout=60) == 0, shared.started_log.read_text()
    finally:
        kill(everything_below(update.pid))
    assert {status // 100 for status in answers} <= {4, 5}
    assert shared.live() == shared.new
    shared.up(**shared.revert)


@pytest.mark.parametrize("victim", ["the whole update", "the switch alone"])
def test_a_release_killed_while_baking_goes_back_by_itself(
    shared: SharedStack, victim: str
) -> None:
    """Kill -9 in mid-switch: the edge restores the old color with nobody's help; up converges."""
    shared.configure(**shared.release, bake={"seconds": 60})
    with load.running(shared.url, plan=replace(CALM, websocket=0)) as traffic:
        update = shared.start(shared.command("up", "--yes", "--skip-preview"))
        try:
            wait_for(lambda: shared.live() == shared.new)
            killed = everything_below(update.pid)
            if victim == "the switch alone":
                killed = [pid for pid in killed if "bluegreen.release.switch" in words(pid)]
            kill(killed)
            update.wait(timeout=60)
            wait_for(lambda: shared.live() == shared.old)
        finally:
            kill(everything_below(update.pid))
            update.wait(timeout=60)
        shared.pulumi("cancel", "--yes")  # the dead update's lock
        shared.up(bake={"seconds": 1})
        assert shared.live() == shared.new
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert shared.containers() == {"edge", shared.new.color}


def test_an_update_that_died_after_its_switch_is_put_right(shared: SharedStack) -> None:
    """Nginx serves one color, the stack says the other, which is wanted: it is, and no outage."""
    old, new, service = shared.old, shared.new, shared.service
    before = shared.pulumi("stack", "export", "--stack", shared.name).output
    shared.up(**shared.release, standby="keep")
    exported = shared.folder / "before.json"
    exported.write_text(before)
    with load.running(shared.url, plan=CALM) as traffic:
        docker("rm", "-f", f"{service}-{old.color}")
        shared.pulumi("stack", "import", "--stack", shared.name, "--file", str(exported))
        docker("rename", f"{service}-{new.color}", f"{service}-kept")
        docker("rename", f"{service}-kept", f"{service}-{new.color}")
        shown = shared.pulumi("preview", "--diff").output
        assert f"nginx serves {new}, the stack's outputs say {old.color}" in shown
        shared.configure(active_color=old.color)
        assert shared.pulumi("refresh", "--yes", "--skip-preview").code == 0
        shared.up(standby=None)
        assert shared.live() == old
    assert traffic.report.failed_total == 0, traffic.report.summary()


def test_a_live_container_that_was_stopped_by_hand_is_no_success(shared: SharedStack) -> None:
    """`pulumi up` with nothing to change must not say that all is well."""
    live = f"{shared.service}-{shared.old.color}"
    docker("stop", "-t", "5", live)
    said = shared.up_fails()
    assert "its container exited" in said
    assert f"the container of {shared.old.color} is exited" in said
    docker("start", live)
    shared.up()
    assert shared.pulumi("preview", "--expect-no-changes").code == 0


def test_changing_the_live_color_in_place_is_refused_in_the_preview(shared: SharedStack) -> None:
    """Users would be interrupted: refused by name, in preview and update, unless allowed."""
    color, version = shared.old
    shared.configure(**{f"{color}_version": "12.3.1"})
    for verb in (("preview",), ("up", "--yes", "--skip-preview")):
        done = shared.pulumi(*verb)
        assert done.code != 0
        assert f"{color} is live and would be replaced" in done.output
        assert f"{version} → " in done.output
        assert "Traceback" not in done.output
    shared.configure(**{f"{color}_version": version}, preview_port=shared.preview_port + 1)
    assert "the edge would be replaced" in shared.pulumi("preview").output
    shared.up(
        preview_port=shared.preview_port, allow_in_place=True, **{f"{color}_version": "12.3.1"}
    )
    assert shared.live() == (color, "12.3.1")


def test_a_change_of_the_templates_reaches_the_running_edge_without_replacing_it(
    shared: SharedStack,
) -> None:
    """A changed template is one more switch, to the same color."""
    edge = docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge")
    template = shared.folder / "nginx" / "service.conf"
    template.write_text("add_header X-Changed yes always;\n" + template.read_text())
    with load.running(shared.url, plan=replace(CALM, websocket=0)) as traffic:
        shared.up()
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge") == edge
    assert httpx.get(shared.url).headers["X-Changed"] == "yes"


def test_bad_config_is_told_all_at_once_before_anything_is_touched(shared: SharedStack) -> None:
    """Every mistake by key in one message, in preview too, without a traceback."""
    shared.configure(active_color="red", standby="perhaps", helth={"path": "/"}, drain_timeout=0)
    for verb in (("preview",), ("up", "--yes", "--skip-preview")):
        done = shared.pulumi(*verb)
        assert done.code != 0
        for key in ("active_color", "standby", "helth", "drain_timeout"):
            assert f"- {key}: " in done.output
        assert "4 mistakes; nothing was touched" in done.output
        assert "Traceback" not in done.output
