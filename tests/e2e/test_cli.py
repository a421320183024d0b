"""The command `bluegreen` on real stacks: each intent, each drift, each failure users meet."""

import json
import os
import subprocess
from typing import Any

import pytest
from typer.testing import CliRunner

import evidence.load as load
from bluegreen.cli.app import app
from bluegreen.docker.facts import LABEL, STACK_LABEL
from bluegreen.edge.state import folder_of
from evidence.lab.host import docker
from evidence.lab.shared import SharedStack
from evidence.lab.stacks import BLUEGREEN, Stack
from tests.e2e.conftest import DRAIN, StackMaker


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
def test_deploy_rollback_and_history_do_what_they_say(make_stack: StackMaker) -> None:
    """Under load, with no request lost; comments and order of the stack's file stay."""
    stack = make_stack(drain_timeout=DRAIN)
    text = stack.file.read_text().replace("config:", "# mine\nconfig:")
    stack.file.write_text(text)
    assert "blue 12.3.0 is live" in done(stack, "deploy", "--yes")
    with load.running(stack.url, load.Plan(drain_timeout=DRAIN, pace=0.1)) as traffic:
        said = done(stack, "deploy", "12.4.0", "--yes")
        assert "release green 12.4.0; live now: blue 12.3.0" in said
        assert "green 12.4.0 is live" in said
        told = status(stack)
        assert (told["live"]["color"], told["live"]["version"]) == ("green", "12.4.0")
        assert told["drift"] == []
        assert "blue 12.3.0 is live" in done(stack, "rollback", "--yes")
    assert traffic.report.failed_total == 0, traffic.report.summary()
    history = json.loads(done(stack, "history", "--json"))
    moves = [(each["before"], each["after"], each["result"]) for each in history[:2]]
    assert moves == [
        ("green 12.4.0", "blue 12.3.0", "succeeded"),
        ("blue 12.3.0", "green 12.4.0", "succeeded"),
    ]
    assert "# mine" in stack.file.read_text()


def test_a_failed_deploy_says_what_serves_and_abort_sets_it_back(shared: SharedStack) -> None:
    """The file keeps what was wanted until the release is given up."""
    old, new, usual = shared.old, shared.new, shared.config["health"]
    shared.configure(env={"STANDIN_HEALTH": "failing"}, health={"timeout": 2})
    failed = shared.bluegreen("deploy", new.version, "--yes")
    assert failed.code == 1
    assert "did not pass the health gate" in failed.output
    assert f"now: {old} keeps serving" in failed.output
    assert "next: " in failed.output
    assert f"active_color: {new.color}" in shared.file.read_text()
    found = shared.bluegreen("status", "--check")
    assert found.code == 3
    assert f"config wants {new}, live is {old}" in found.output
    shared.configure(env=None, health=usual, **shared.release)
    assert f"{old} is live" in done(shared, "deploy", "--abort", "--yes")
    assert shared.bluegreen("status", "--check").code == 0


def test_drift_made_by_hand_is_named_and_its_way_out_works(shared: SharedStack) -> None:
    """A stopped container, an edited nginx config, config that was not deployed."""
    live = f"{shared.service}-{shared.old.color}"
    docker("stop", "-t", "5", live)
    shared.exec_edge(f"echo '# by hand' >> {folder_of(shared.service)}/nginx.conf")
    found = shared.bluegreen("status", "--check")
    assert found.code == 3
    assert f"container {shared.old.color} is exited" in found.output
    assert "nginx's config was changed by hand" in found.output
    way_out = f"docker start {live}"
    assert way_out in found.output
    docker(*way_out.split()[1:])
    docker("restart", f"{shared.service}-edge")
    assert shared.bluegreen("status", "--check").code == 0

    shared.configure(**shared.release)
    found = shared.bluegreen("status", "--check")
    assert found.code == 3
    assert f"config wants {shared.new}" in found.output
    done(shared, "deploy", "--yes")
    assert shared.bluegreen("status", "--check").code == 0


def test_a_dead_updates_lock_is_healed_and_a_live_ones_is_not(shared: SharedStack) -> None:
    """`deploy` goes on by itself after a kill -9; it never takes a lock from a running update."""
    locks = shared.folder / "state/.pulumi/locks/organization/bluegreen" / shared.name
    lock, version = locks / "one.json", shared.new.version
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": os.getpid(), "username": "me", "hostname": os.uname().nodename}
    lock.write_text(json.dumps(holder | {"timestamp": "2026-01-01T00:00:00Z"}))
    held = shared.bluegreen("recover")
    assert held.code == 1
    assert f"process {os.getpid()} of me" in held.output
    assert shared.bluegreen("deploy", version, "--yes").code != 0
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock.write_text(json.dumps(holder | {"pid": dead.pid, "timestamp": "2026-01-01T00:00:00Z"}))
    assert f"{version} is live" in done(shared, "deploy", version, "--yes")
    assert not lock.exists()


def test_what_a_killed_update_had_begun_to_make_is_recovered_from(shared: SharedStack) -> None:
    """A container that Docker has and the state has not: named, removed, and released anew."""
    service, color = shared.service, shared.old.color
    left, shape = f"{service}-{shared.new.color}", f'{{{{index .Config.Labels "{STACK_LABEL}"}}}}'
    owner = docker("inspect", "-f", shape, f"{service}-{color}").strip()
    image = docker("inspect", "-f", "{{.Image}}", f"{service}-{color}").strip()
    labels = ("--label", f"{LABEL}={service}", "--label", f"{STACK_LABEL}={owner}")
    docker("create", "--name", left, *labels, image)
    said = shared.up_fails(**shared.release)
    assert f"container {left}: left by a killed update of this stack" in said
    assert f"`bluegreen recover --stack {shared.name}`" in said
    assert f"removed container {left}" in done(shared, "recover")
    nothing = f"there is nothing to recover\nnow: {shared.old} keeps serving"
    assert nothing in done(shared, "recover")
    shared.up()
    assert shared.live() == shared.new


def test_bad_config_and_bad_words_end_with_2_and_touch_nothing(shared: SharedStack) -> None:
    """Every mistake at once, the file as it was, no traceback."""
    shared.configure(standby="perhaps", drain_timeout=0)
    before = shared.file.read_text()
    refused = shared.bluegreen("deploy", "12.4.0", "--yes")
    assert refused.code == 2
    assert "standby: " in refused.output
    assert "drain_timeout: " in refused.output
    assert shared.file.read_text() == before
    assert shared.bluegreen("status", name="nobody").code == 2
    shared.file.write_text("config: [")
    try:
        assert shared.bluegreen("status").code == 2
    finally:
        shared.file.write_text(before)


def test_every_command_has_its_help() -> None:
    """With a sentence and all options; the completion script is there too."""
    verbs = ("deploy", "rollback", "promote", "status", "history", "doctor", "recover")
    for words in ([], *([verb] for verb in verbs)):
        shown = CliRunner().invoke(app, [*words, "--help"], prog_name=BLUEGREEN.name)
        assert shown.exit_code == 0, shown.output
        assert "Usage: bluegreen" in shown.output
        assert "--help" in shown.output


def test_the_completion_script_works() -> None:
    """It completes a sub-command's name."""
    asked = os.environ | {"_BLUEGREEN_COMPLETE": "complete_bash"}
    asked |= {"COMP_WORDS": "bluegreen pro", "COMP_CWORD": "1"}
    shown = subprocess.run([BLUEGREEN], env=asked, capture_output=True, text=True, check=False)
    assert "promote" in shown.stdout
