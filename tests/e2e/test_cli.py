"""The command `bluegreen` on real stacks: each intent, each drift, each failure users meet."""

import json
import os
import subprocess
from typing import Any

import pytest

import evidence.load as load
from evidence.lab.host import docker, free_ports
from evidence.lab.stacks import BLUEGREEN, Stack, remove
from tests.e2e.conftest import StackMaker


def done(stack: Stack, *words: str, name: str | None = None) -> str:
    """Run the command, which must succeed."""
    finished = stack.bluegreen(*words, name=name)
    assert finished.code == 0, finished.output
    return finished.output


def status(stack: Stack) -> dict[str, Any]:
    """`bluegreen status --json`."""
    found: dict[str, Any] = json.loads(done(stack, "status", "--json"))
    return found


@pytest.mark.timeout(600)
def test_deploy_rollback_promote_and_history_do_what_they_say(make_stack: StackMaker) -> None:
    """Under load, with no request lost; comments and order of the stack's file stay."""
    stack = make_stack()
    text = stack.file.read_text().replace("config:", "# mine\nconfig:")
    stack.file.write_text(text)
    assert "blue 12.3.0 is live" in done(stack, "deploy", "--yes")
    with load.running(stack.url, load.Plan(drain_timeout=12, pace=0.25)) as traffic:
        said = done(stack, "deploy", "12.4.0", "--yes")
        assert "release green 12.4.0; live now: blue 12.3.0" in said
        assert "green 12.4.0 is live" in said
        live = status(stack)["live"]
        assert (live["color"], live["version"]) == ("green", "12.4.0")
        assert status(stack)["drift"] == []
        assert "blue 12.3.0 is live" in done(stack, "rollback", "--yes")
    assert traffic.report.failed_total == 0, traffic.report.summary()
    history = json.loads(done(stack, "history", "--json"))
    told = [(each["before"], each["after"], each["result"]) for each in history[:2]]
    assert told == [
        ("green 12.4.0", "blue 12.3.0", "succeeded"),
        ("blue 12.3.0", "green 12.4.0", "succeeded"),
    ]
    assert "# mine" in stack.file.read_text()

    next_one = f"{stack.name}next"
    ports = free_ports(1)
    (stack.folder / f"Pulumi.{next_one}.yaml").write_text(
        f"config:\n  bluegreen:http_port: {ports[0]}\n"
    )
    try:
        refused = stack.bluegreen("promote", stack.name, next_one, "--yes", "--min-age", "60")
        assert refused.code == 1
        assert "of 60 minutes only" in refused.output
        assert "blue 12.3.0 is live" in done(stack, "promote", stack.name, next_one, "--yes")
    finally:
        remove(f"bluegreen-{next_one}")


def test_a_failed_deploy_says_what_serves_and_abort_sets_it_back(stack: Stack) -> None:
    """The file keeps what was wanted until the release is given up."""
    stack.configure(env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    failed = stack.bluegreen("deploy", "12.4.0", "--yes")
    assert failed.code == 1
    assert "did not pass the health gate" in failed.output
    assert "now: blue 12.3.0 serves" in failed.output
    assert "next: " in failed.output
    assert "green" in stack.file.read_text()
    found = stack.bluegreen("status", "--check")
    assert found.code == 3
    assert "config wants green 12.4.0, live is blue 12.3.0" in found.output
    stack.configure(env=None, active_color="green", green_version="12.4.0")
    assert "blue 12.3.0 is live" in done(stack, "deploy", "--abort", "--yes")
    assert stack.bluegreen("status", "--check").code == 0


def test_drift_made_by_hand_is_named_and_its_way_out_works(stack: Stack) -> None:
    """A stopped container, an edited nginx config, config that was not deployed."""
    docker("stop", "-t", "5", f"{stack.service}-blue")
    found = stack.bluegreen("status", "--check")
    assert found.code == 3
    assert "container blue is exited" in found.output
    way_out = f"docker start {stack.service}-blue"
    assert way_out in found.output
    docker(*way_out.split()[1:])

    stack.exec_edge("echo '# by hand' >> /etc/bluegreen/nginx.conf")
    found = stack.bluegreen("status", "--check")
    assert found.code == 3
    assert "nginx's config was changed by hand" in found.output
    docker("restart", f"{stack.service}-edge")
    assert stack.bluegreen("status", "--check").code == 0

    stack.configure(active_color="green", green_version="12.4.0")
    found = stack.bluegreen("status", "--check")
    assert found.code == 3
    assert "config wants green 12.4.0" in found.output
    done(stack, "deploy", "--yes")
    assert stack.bluegreen("status", "--check").code == 0


def test_a_dead_updates_lock_is_healed_and_a_live_ones_is_not(stack: Stack) -> None:
    """`deploy` goes on by itself after a kill -9; it never takes a lock from a running update."""
    lock = stack.folder / "state/.pulumi/locks/organization/bluegreen" / stack.name / "one.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": os.getpid(), "username": "me", "hostname": os.uname().nodename}
    lock.write_text(json.dumps(holder | {"timestamp": "2026-01-01T00:00:00Z"}))
    held = stack.bluegreen("recover")
    assert held.code == 1
    assert f"process {os.getpid()} of me" in held.output
    assert stack.bluegreen("deploy", "12.4.0", "--yes").code != 0
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock.write_text(json.dumps(holder | {"pid": dead.pid, "timestamp": "2026-01-01T00:00:00Z"}))
    assert "12.4.0 is live" in done(stack, "deploy", "12.4.0", "--yes")
    assert not lock.exists()


def test_what_a_killed_update_had_begun_to_make_is_recovered_from(stack: Stack) -> None:
    """A container that Docker has and the state has not: named, removed, and released anew."""
    left = f"{stack.service}-green"
    image = docker("inspect", "-f", "{{.Image}}", f"{stack.service}-blue").strip()
    docker("create", "--name", left, "--label", f"bluegreen.service={stack.service}", image)
    said = stack.up_fails(active_color="green", green_version="12.4.0")
    assert f"container {left}: Docker has it, the stack's state does not" in said
    assert f"`bluegreen recover --stack {stack.name}`" in said
    assert f"removed container {left}" in done(stack, "recover")
    assert "there is nothing to recover\nnow: blue 12.3.0 serves" in done(stack, "recover")
    stack.up()
    assert stack.live() == ("green", "12.4.0")


def test_bad_config_and_bad_words_end_with_2_and_touch_nothing(stack: Stack) -> None:
    """Every mistake at once, the file as it was, no traceback."""
    stack.configure(standby="perhaps", drain_timeout=0)
    before = stack.file.read_text()
    refused = stack.bluegreen("deploy", "12.4.0", "--yes")
    assert refused.code == 2
    assert "standby: " in refused.output
    assert "drain_timeout: " in refused.output
    assert stack.file.read_text() == before
    assert stack.bluegreen("status", name="nobody").code == 2
    stack.file.write_text("config: [")
    assert stack.bluegreen("status").code == 2


@pytest.mark.parametrize(
    "words",
    [[], ["deploy"], ["rollback"], ["promote"], ["status"], ["history"], ["doctor"], ["recover"]],
)
def test_every_command_has_its_help(words: list[str]) -> None:
    """With a sentence and all options; the completion script is there too."""
    shown = subprocess.run(
        [BLUEGREEN, *words, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "Usage: bluegreen" in shown
    assert "--help" in shown


def test_the_completion_script_works() -> None:
    """It completes a sub-command's name."""
    asked = os.environ | {"_BLUEGREEN_COMPLETE": "complete_bash"}
    asked |= {"COMP_WORDS": "bluegreen pro", "COMP_CWORD": "1"}
    shown = subprocess.run([BLUEGREEN], env=asked, capture_output=True, text=True, check=False)
    assert "promote" in shown.stdout
