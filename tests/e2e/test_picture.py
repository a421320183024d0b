"""What a program that guesses would do wrong: moved tags, renamed stacks, another's state.

On real stacks under load: where nothing is to happen, nobody notices anything.
"""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import evidence.load as load
from evidence.lab.host import docker
from evidence.lab.stacks import VERSIONS, Stack
from tests.e2e.conftest import CALM, StackMaker

IMAGE = os.environ.get("BLUEGREEN_IMAGE", "grafana/grafana")
EDGE_IMAGE = os.environ.get("BLUEGREEN_EDGE_IMAGE", "nginx:1.30.6")


def identity(stack: Stack, part: str) -> str:
    """The id of a container; another one is another container."""
    return docker("inspect", "-f", "{{.Id}}", f"{stack.service}-{part}").strip()


def image(stack: Stack, part: str) -> str:
    """The id of the image that a container runs."""
    return docker("inspect", "-f", "{{.Image}}", f"{stack.service}-{part}").strip()


def plan(stack: Stack, name: str | None = None) -> tuple[int, dict[str, object]]:
    """`bluegreen plan --json`: its exit code and what it says."""
    done = stack.bluegreen("plan", "--json", name=name)
    return done.code, json.loads(done.output)


@pytest.fixture
def tags() -> Iterator[tuple[str, str]]:
    """An image's name of the test's own and one of the edge's; both are gone afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    ours = {f"{name}:{version}": f"{IMAGE}:{version}" for version in VERSIONS.values()}
    for new, old in {**ours, f"{name}-edge:1": EDGE_IMAGE}.items():
        docker("tag", old, new)
    yield name, f"{name}-edge:1"
    for new in (*ours, f"{name}-edge:1"):
        docker("rmi", new)


def test_a_release_runs_the_image_that_it_ran_whatever_its_tag_leads_to_now(
    make_stack: StackMaker, tags: tuple[str, str]
) -> None:
    """Moved tags of the live color and the edge change nothing; a rollback runs the old image."""
    name, edge = tags
    stack = make_stack(image=name, edge_image=edge)
    stack.up()
    first = image(stack, "blue")
    parts = {part: identity(stack, part) for part in ("blue", "edge")}
    with load.running(stack.url, CALM) as traffic:
        docker("tag", f"{IMAGE}:13.0.0", f"{name}:12.3.0")
        docker("tag", f"{IMAGE}:13.0.0", edge)
        assert stack.pulumi("refresh", "--yes", "--skip-preview").code == 0
        assert plan(stack) == (
            0,
            {
                "stack": stack.name,
                "words": [],
                "changes": [],
                "refused": False,
                "reasons": [],
            },
        )
        stack.up()
        assert {part: identity(stack, part) for part in parts} == parts
        stack.up(active_color="green", green_version="12.4.0")
        said = stack.bluegreen("rollback", "--yes")
        assert said.code == 0, said.output
        assert f"as it was released before ({first[:19]})" in said.output
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert image(stack, "blue") == first
    assert stack.live() == ("blue", "12.3.0")


def test_a_renamed_stack_keeps_all_that_it_has(make_stack: StackMaker) -> None:
    """Refused, naming what is there; with `name` nothing changes at all."""
    stack = make_stack()
    stack.up()
    before, new = identity(stack, "edge"), f"{stack.name}new"
    with load.running(stack.url, CALM) as traffic:
        assert stack.pulumi("stack", "rename", new, "--stack", stack.name).code == 0
        old, stack.name = stack.name, new
        assert stack.file.exists() or not (stack.folder / f"Pulumi.{old}.yaml").exists()
        stack.configure()
        code, said = plan(stack)
        assert (code, said["refused"]) == (2, True)
        assert f"are called {stack.service}-" in str(said["reasons"])
        assert f"`pulumi config set name {stack.service} --stack {new}`" in str(said["reasons"])
        assert stack.pulumi("up", "--yes", "--skip-preview").code != 0
        stack.configure(name=stack.service)
        code, said = plan(stack)
        assert (code, said["changes"]) == (0, []), said
        stack.up()
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert identity(stack, "edge") == before


def test_a_color_on_standby_becomes_another_version_by_a_release_only(
    make_stack: StackMaker,
) -> None:
    """It would start on the live data, without a snapshot and without a gate."""
    stack = make_stack(standby="keep")
    stack.up()
    stack.up(active_color="green", green_version="12.4.0")
    standby = identity(stack, "blue")
    stack.configure(blue_version="12.5.0")
    code, said = plan(stack)
    assert (code, said["refused"]) == (2, True)
    assert "blue_version is now 12.5.0" in str(said["reasons"])
    assert "`bluegreen deploy 12.5.0`" in str(said["reasons"])
    assert "blue is on standby and runs" in stack.up_fails()
    assert identity(stack, "blue") == standby
    done = stack.bluegreen("deploy", "12.5.0", "--yes")
    assert done.code == 0, done.output
    assert stack.live() == ("blue", "12.5.0")


def test_a_state_that_owns_nothing_removes_nothing(make_stack: StackMaker, tmp_path: Path) -> None:
    """A colleague's shell lacks PULUMI_BACKEND_URL: an empty state, and everything runs."""
    stack = make_stack(standby="keep")
    stack.up()
    stack.up(active_color="green", green_version="12.4.0")
    parts = {part: identity(stack, part) for part in ("blue", "green", "edge")}
    ours = stack.environment["PULUMI_BACKEND_URL"]
    (tmp_path / "theirs").mkdir()
    with load.running(stack.url, CALM) as traffic:
        stack.environment["PULUMI_BACKEND_URL"] = f"file://{tmp_path / 'theirs'}"
        nothing = stack.bluegreen("status")  # it makes no stack, and so knows of none
        assert nothing.code == 2
        release = ("deploy", "12.5.0", "--yes")
        for words in (release, ("recover",), ("down", "--yes", "--with-data")):
            done = stack.bluegreen(*words)
            assert done.code == 2, done.output
            assert "Docker has it, this stack's state does not" in done.output
            assert "bluegreen recover --rebuild-state" in done.output
        assert "this stack's state does not" in stack.up_fails()
        stack.environment["PULUMI_BACKEND_URL"] = ours
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert {part: identity(stack, part) for part in parts} == parts
    assert stack.bluegreen("status", "--check").code == 0
