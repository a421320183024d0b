"""Faults of the data on real parts: volumes that are gone, a change of mode, two at once."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

import evidence.load as load
from bluegreen.config import defaults
from bluegreen.data.names import copy_of, data_of, snapshots_of
from evidence.lab.host import docker
from evidence.lab.processes import wait_for
from evidence.lab.stacks import BLUEGREEN, Stack
from evidence.proof.writer import Writer
from tests.e2e.conftest import CALM, StackMaker

QUICK: dict[str, Any] = {"bake": {"seconds": 0}, "drain_timeout": 3}
GREEN = {"active_color": "green", "green_version": "12.4.0"}
# Writes are the writer's, who knows that some have to wait.
READING = load.Plan(post=0, slow=0, download=0, websocket=0, pace=0.1)


def save(stack: Stack, uid: str) -> int:
    """Write a dashboard through the edge; return the status."""
    body = {"dashboard": {"uid": uid, "title": uid}}
    return httpx.post(f"{stack.url}/api/dashboards/db", json=body).status_code


def has(stack: Stack, uid: str) -> bool:
    """Whether a dashboard is there."""
    return httpx.get(f"{stack.url}/api/dashboards/uid/{uid}").status_code == 200


def volumes(stack: Stack) -> set[str]:
    """The stack's volumes, whoever made them."""
    found = docker("volume", "ls", "-q", "--filter", f"name={stack.service}-").split()
    return {name for name in found if "-config" not in name}


def take_snapshot(stack: Stack) -> str:
    """Take one by hand; return its id."""
    done = stack.bluegreen("snapshot", "create", "--json")
    assert done.code == 0, done.output
    found: str = json.loads(done.output)["id"]
    return found


def test_a_rollback_to_a_copy_that_is_gone_is_refused_before_anything_starts(
    make_stack: StackMaker,
) -> None:
    """A prune job took the volume from before: what, since when, and what there is instead."""
    stack = make_stack(data={"mode": "clone"}, **QUICK)
    stack.up()
    assert save(stack, "old") == 200
    identity = take_snapshot(stack)
    stack.up(**GREEN)
    left = stack.outputs()["data"]["at"]
    docker("volume", "rm", data_of(stack.service))
    before = volumes(stack)
    with load.running(stack.url, plan=CALM) as traffic:
        done = stack.bluegreen("rollback", "--yes")
    assert done.code == 2, done.output
    for words in (
        f"volume {data_of(stack.service)} does not exist, and blue would run on it",
        f"it had the data as of {left}",
        "green 12.4.0 keeps serving",
        f"`bluegreen snapshot restore {identity} --stack {stack.name}`",
    ):
        assert words in done.output
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert volumes(stack) == before, "nor was an empty one made"
    assert stack.containers() == {"edge", "green"}
    # What it offers works, on the same stack.
    restored = stack.bluegreen("snapshot", "restore", identity, "--yes")
    assert restored.code == 0, restored.output
    assert stack.live() == ("blue", "12.3.0")
    assert has(stack, "old")


def test_a_copy_that_was_made_anew_empty_is_not_gone_back_to(make_stack: StackMaker) -> None:
    """`pulumi refresh` and an update make the first volume again; the data step looks into it."""
    stack = make_stack(data={"mode": "clone"}, **QUICK)
    stack.up()
    assert save(stack, "old") == 200
    stack.up(**GREEN)
    docker("volume", "rm", data_of(stack.service))
    docker(
        "volume", "create", "--label", f"bluegreen.service={stack.service}", data_of(stack.service)
    )
    done = stack.bluegreen("rollback", "--yes")
    assert done.code == 1
    assert f"volume {data_of(stack.service)} is empty" in done.output
    assert "green 12.4.0" in done.output
    assert stack.live() == ("green", "12.4.0")
    assert "blue" not in stack.containers()


def test_shared_data_a_pinned_copy_and_the_snapshots_are_missed_too(stack: Stack) -> None:
    """By the same words; what was never there is not missed."""
    stack.configure(**QUICK)
    stack.configure(data={"copy": "20310101-000000-000000-r000000"}, **GREEN)
    pinned = stack.pulumi("preview").output
    copy = copy_of(stack.service, "20310101-000000-000000-r000000")
    assert f"volume {copy} does not exist" in pinned
    assert "it had the data as of 2031-01-01T00:00:00+00:00" in pinned
    stack.configure(data=None)
    docker("volume", "rm", snapshots_of(stack.service))
    asked = stack.bluegreen("snapshot", "restore", "20310101-000000-000000", "--yes")
    assert asked.code == 1
    assert (
        f"volume {snapshots_of(stack.service)}, which has the snapshots, does not" in asked.output
    )
    docker("rm", "-f", f"{stack.service}-blue")
    docker("volume", "rm", data_of(stack.service))
    shared = stack.pulumi("preview").output
    assert f"volume {data_of(stack.service)} does not exist, and green would run on it" in shared
    assert "users' data was in it until now" in shared
    # After a `destroy` a first release is one again, and finds nothing or what was kept.
    assert stack.pulumi("destroy", "--yes", "--skip-preview").code == 0
    stack.up()
    assert save(stack, "first") == 200
    assert stack.pulumi("destroy", "--yes", "--skip-preview").code == 0
    stack.up()
    assert has(stack, "first")


def test_a_stack_goes_over_to_clones_in_one_release(make_stack: StackMaker) -> None:
    """The release to the copy is the change; nothing is lost."""
    stack = make_stack(bake={"seconds": 1}, drain_timeout=12)
    stack.up()
    stack.configure(data={"mode": "clone"})
    with load.running(stack.url, plan=READING) as traffic, Writer(stack.url) as writer:
        writer.wait_for(20)
        done = stack.bluegreen("deploy", "12.4.0", "--yes")
        writer.wait_for(20)
    assert done.code == 0, done.output
    assert stack.live() == ("green", "12.4.0")
    assert writer.failures == []
    assert writer.held > 0
    found = writer.found()
    assert [write.uid for write in writer.writes if found.get(write.uid) != 1] == []
    assert traffic.report.failed_total == 0, traffic.report.summary()
    stack.up(active_color="blue", blue_version="12.4.1")
    assert stack.live() == ("blue", "12.4.1")


HOLDS = """\
import fcntl, os, sys
fcntl.flock(os.open("/snapshots", os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def busy_snapshots(stack: Stack) -> Iterator[None]:
    """Somebody is at work on the snapshots, in a container of the test's own."""
    mount = f"type=volume,src={snapshots_of(stack.service)},dst=/snapshots"
    command = ["docker", "run", "--rm", "-i", "--mount", mount, "--entrypoint", "python3"]
    with subprocess.Popen(
        [*command, defaults.TOOLS_IMAGE, "-c", HOLDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield
        process.stdin.close()
        assert process.wait() == 0


def test_a_release_and_a_snapshot_by_hand_wait_for_each_other(stack: Stack) -> None:
    """Both say that they wait, then one is taken after the other, and both are whole."""
    stack.configure(bake={"seconds": 0}, **GREEN)
    waits = "another snapshot of this stack is being taken"
    with (
        load.running(stack.url, plan=CALM) as traffic,
        ThreadPoolExecutor() as pool,
    ):
        with busy_snapshots(stack):
            release = stack.start(stack.command("up", "--yes", "--skip-preview"))
            by_hand = pool.submit(stack.bluegreen, "snapshot", "create")
            wait_for(lambda: waits in stack.started_log.read_text(), 120, "the release to wait")
            assert release.poll() is None
            assert stack.live() == ("blue", "12.3.0")
        asked = by_hand.result()
        assert asked.code == 0, asked.output
        assert release.wait() == 0, stack.started_log.read_text()
    assert stack.live() == ("green", "12.4.0")
    assert traffic.report.failed_total == 0, traffic.report.summary()
    listed = json.loads(stack.bluegreen("snapshot", "list", "--json").output)
    assert sorted(each["reason"] for each in listed) == ["by hand", "release"]
    for each in listed:
        assert stack.bluegreen("snapshot", "verify", each["id"]).code == 0
    with busy_snapshots(stack):
        late = stack.start([str(BLUEGREEN), "snapshot", "create", *where(stack)])
        wait_for(lambda: waits in stack.started_log.read_text(), 120, "the snapshot to wait")
    assert late.wait() == 0, stack.started_log.read_text()


def where(stack: Stack) -> list[str]:
    """Which stack a command of ours is about."""
    return ["--stack", stack.name, "--dir", str(stack.folder)]
