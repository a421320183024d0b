"""The data: each mode's releases, what keeps a release from starting, snapshots, secrets."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bluegreen.config import defaults
from bluegreen.data.names import data_of, snapshots_of
from evidence.chaos.disks import make_small_volume
from evidence.lab import postgres
from evidence.lab.host import docker
from evidence.lab.postgres import Server
from evidence.lab.stacks import Stack
from evidence.proof.__main__ import prove
from tests.e2e.conftest import StackMaker

GREEN = {"active_color": "green", "green_version": "12.4.0"}
QUICK: dict[str, Any] = {"bake": {"seconds": 0}, "drain_timeout": 1}


def test_no_acknowledged_write_is_lost_but_as_the_preview_says() -> None:
    """One row of `make data-proof`, which takes every path in every mode."""
    rows = list(prove(mode := "external", ["restore of a snapshot"]))
    assert len(rows) == 1
    assert [row.problems for row in rows if not row.green] == []
    assert all(row.acknowledged > 20 for row in rows)
    assert all(row.announced.startswith(mode.partition(",")[0]) for row in rows)


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL server of the test's own."""
    with postgres.running() as running:
        yield running


def save(stack: Stack, uid: str) -> int:
    """Write a dashboard through the edge; return the status."""
    body = {"dashboard": {"uid": uid, "title": uid}}
    return httpx.post(f"{stack.url}/api/dashboards/db", json=body).status_code


def has(stack: Stack, uid: str) -> bool:
    """Whether a dashboard is there."""
    return httpx.get(f"{stack.url}/api/dashboards/uid/{uid}").status_code == 200


def refused(stack: Stack, *words: str, **config: Any) -> str:
    """A release that must fail before its target starts, with blue left alone."""
    said = stack.up_fails(**GREEN, **config)
    for word in (*words, "blue 12.3.0 keeps serving", "green was not started"):
        assert word in said
    assert "Traceback" not in said
    assert stack.live() == ("blue", "12.3.0")
    assert "green" not in stack.containers()
    return said


def test_a_full_disk_keeps_a_release_from_starting(make_stack: StackMaker) -> None:
    """What is needed and what is free is told; the old color goes on."""
    stack = make_stack(**QUICK)
    make_small_volume(stack.service, "snapshots", "64k")
    stack.up()
    for number in range(20):
        save(stack, f"big-{number}")
    refused(stack, "no room for it:", "MB are needed", "MB are free")


def test_a_release_says_who_holds_the_database(make_stack: StackMaker, server: Server) -> None:
    """A wrong password, an unreachable server, no such database: each in words, no secret."""
    stack = make_stack(data={"mode": "external"}, data_path="", **QUICK)
    stack.secret("database_url", server.url)
    stack.up()
    assert save(stack, "before") == 200
    wrong = server.url.replace(server.password, "not-the-password")
    stack.secret("database_url", wrong)
    said = refused(stack, "the check of the database", "password authentication failed")
    assert "not-the-password" not in said
    stack.secret("database_url", server.url.replace("/grafana", "/nowhere"))
    refused(stack, 'database "nowhere" does not exist')
    stack.secret("database_url", server.url)
    server.stop()
    refused(stack, "Connection refused")
    server.start()
    stack.up(**GREEN)
    assert has(stack, "before")


def test_no_secret_is_ever_shown(make_stack: StackMaker, server: Server) -> None:
    """Searched for in previews, state, outputs, logs, the edge and what the command says."""
    stack = make_stack(data={"mode": "external", "dump": True}, data_path="", **QUICK)
    stack.secret("database_url", server.url)
    stack.up()
    stack.configure(**GREEN)
    seen = [
        stack.pulumi("preview", "--diff").output,
        stack.bluegreen("plan").output,
        stack.bluegreen("deploy", "12.4.0", "--yes").output,
        stack.pulumi("preview", "--diff", "--refresh").output,
        stack.pulumi("stack", "export").output,
        stack.pulumi("stack", "output", "--json").output,
        stack.bluegreen("status", "--json").output,
        stack.bluegreen("snapshot", "list", "--json").output,
        stack.bluegreen("snapshot", "create", "--json").output,
        stack.bluegreen("history", "--json").output,
        docker("inspect", f"{stack.service}-edge"),
        docker("logs", f"{stack.service}-green"),
        stack.file.read_text(),
    ]
    assert stack.live() == ("green", "12.4.0")
    for text in seen:
        assert server.password not in text
    assert "[secret]" in seen[0]


@pytest.mark.timeout(600)
def test_snapshots_are_listed_verified_and_kept_as_asked(stack: Stack) -> None:
    """Each release takes one; a changed byte is found, and nothing is released from it.

    `data.keep` counts what releases took, and never those made by hand; `prune` takes the rest
    when asked to.
    """
    assert save(stack, "kept") == 200
    stack.configure(data={"keep": 1}, **QUICK)
    by_hand = json.loads(stack.bluegreen("snapshot", "create", "--json").output)
    stack.up(**GREEN)
    first, taken = json.loads(stack.bluegreen("snapshot", "list", "--json").output)
    assert first["id"] == by_hand["id"]
    assert (taken["color"], taken["version"], taken["reason"]) == ("blue", "12.3.0", "release")
    assert stack.bluegreen("snapshot", "verify", taken["id"]).code == 0
    damage = f"printf x | dd of=/s/{taken['id']}/files/grafana.db bs=1 seek=5000 conv=notrunc"
    docker(
        *("run", "--rm", "-v", f"{snapshots_of(stack.service)}:/s", "--entrypoint", "sh"),
        *(defaults.TOOLS_IMAGE, "-c", damage),
    )
    done = stack.bluegreen("snapshot", "restore", taken["id"], "--yes")
    assert done.code == 1
    assert f"snapshot {taken['id']} is damaged: grafana.db changed since" in done.output
    assert stack.live() == ("green", "12.4.0")
    unknown = stack.bluegreen("snapshot", "restore", "20200101-000000-000000", "--yes")
    assert unknown.code == 1
    assert f"there are: {by_hand['id']}, {taken['id']}" in unknown.output

    stack.up(active_color="blue", blue_version="12.4.1")
    found = json.loads(stack.bluegreen("snapshot", "list", "--json").output)
    assert [each["version"] for each in found] == ["12.3.0", "12.4.0"]
    assert found[0]["id"] == by_hand["id"]
    assert stack.bluegreen("snapshot", "prune", "--keep", "0", "--all", "--yes").code == 0
    assert json.loads(stack.bluegreen("snapshot", "list", "--json").output) == []


def test_a_rollback_over_a_migration_offers_the_snapshot(stack: Stack) -> None:
    """Version 13 cannot be gone back from; the snapshot's way works, through gate and switch."""
    stack.configure(health={"interval": 0.1, "timeout": 8}, **QUICK)
    assert save(stack, "old") == 200
    stack.up(active_color="green", green_version="13.0.0")
    done = stack.bluegreen("rollback", "--yes")
    assert done.code == 1
    assert "the data was migrated since 12.3.0" in done.output
    assert "does not know that schema" in done.output
    assert stack.live() == ("green", "13.0.0")
    offered = re.search(r"`bluegreen (snapshot restore \S+)", done.output)
    assert offered
    restored = stack.bluegreen(*offered[1].split(), "--yes")
    assert restored.code == 0, restored.output
    assert stack.live() == ("blue", "12.3.0")
    assert has(stack, "old")
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


@pytest.mark.timeout(600)
def test_writes_wait_while_a_clone_is_made_and_reads_go_on(make_stack: StackMaker) -> None:
    """503 with Retry-After, also when the release is killed, and only until then.

    When the target fails in its bake, writes go through again at once, on what users had.
    """
    stack = make_stack(data={"mode": "clone"}, bake={"seconds": 8, "min_requests": 1})
    stack.up()
    assert save(stack, "before") == 200
    process = releasing(stack, STANDIN_FAIL_AFTER="2")
    while process.poll() is None:
        httpx.get(stack.url, verify=False)
        time.sleep(0.05)
    assert process.wait() != 0
    assert "too many errors in real traffic" in stack.started_log.read_text()
    assert save(stack, "again") == 200
    assert stack.live() == ("blue", "12.3.0")
    assert has(stack, "before")

    stack.configure(**QUICK)
    process = releasing(stack, STANDIN_MIGRATION_SECONDS="4")
    held: dict[int, tuple[str | None, int, int]] = {}
    while process.poll() is None:
        with httpx.Client(base_url=stack.url) as client:
            answer = client.post("/api/dashboards/db", json={"dashboard": {"uid": "x"}})
            reading = client.get("/").status_code
            query = client.post("/api/ds/query", json={}).status_code
        time.sleep(0.1)
        held.setdefault(answer.status_code, (answer.headers.get("retry-after"), reading, query))
    assert process.wait() == 0, stack.started_log.read_text()
    assert held[503] == ("5", 200, 404), "reads go on, and a query by POST is one"
    assert stack.live() == ("green", "12.4.0")
    assert save(stack, "after") == 200
    assert has(stack, "again")


def releasing(stack: Stack, **env: str) -> "subprocess.Popen[bytes]":
    """A release of green with these variables, under way."""
    stack.configure(env=env, **GREEN)
    return stack.start(stack.command("up", "--yes", "--skip-preview"))


def test_down_says_what_it_keeps_and_removes_data_only_when_told(stack: Stack) -> None:
    """Data and snapshots survive `down`, and a first release finds them again."""
    assert save(stack, "kept") == 200
    volume = data_of(stack.service)
    done = stack.bluegreen("down", "--yes")
    assert done.code == 0, done.output
    assert f"kept: volume {volume}" in done.output
    stack.up()
    assert has(stack, "kept")
    gone = stack.bluegreen("down", "--yes", "--with-data")
    assert f"removed: volume {volume}" in gone.output
    names = docker("volume", "ls", "-q", "--filter", f"label=bluegreen.service={stack.service}")
    assert names.split() == []
