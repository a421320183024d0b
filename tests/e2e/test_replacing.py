"""nginx is replaced, and comes back by itself, for users who notice nothing or little of it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

import evidence.load as load
from bluegreen.config.defaults import EDGE_IMAGE, IMAGE
from evidence.lab.host import docker
from evidence.lab.processes import wait_for
from evidence.lab.shared import SharedStack

# WebSockets on an nginx that is replaced end with its drain; a test of their own shows that.
PLAN = load.Plan(websocket=0, pace=0.1)
MOST_SECONDS = 30  # within which users are served again, whatever died


@pytest.fixture
def other_image() -> Iterator[str]:
    """Another image of the same nginx."""
    name = f"{EDGE_IMAGE}-other"
    build = ["docker", "build", "-q", "-t", name, "-"]
    text = f"FROM {EDGE_IMAGE}\nLABEL other=1\n"
    old_builder = {"DOCKER_BUILDKIT": "0"}
    subprocess.run(build, input=text.encode(), check=True, capture_output=True, env=old_builder)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


def containers(shared: SharedStack) -> set[str]:
    """The parts that run."""
    names = docker("ps", "--format", "{{.Names}}", "--filter", f"name={shared.service}-")
    return {name.removeprefix(f"{shared.service}-") for name in names.split()}


def test_another_image_replaces_nginx_and_nothing_is_lost(
    shared: SharedStack, other_image: str
) -> None:
    """There and back, under load; the preview says it, and a second one shows no change."""
    holder = docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge-holder")
    shared.configure(edge_image=other_image)
    assert "nginx   is replaced in edge without a gap" in shared.pulumi("preview").output
    with load.running(shared.url, plan=PLAN) as traffic:
        for image in (other_image, EDGE_IMAGE):
            shared.up(edge_image=image)
            assert docker("inspect", "-f", "{{.Config.Image}}", f"{shared.service}-edge")
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge-holder") == holder
    assert {"edge", "edge-holder"} <= containers(shared)
    assert "edge-relief" not in containers(shared)
    assert "unchanged" in shared.pulumi("preview", "--expect-no-changes").output
    assert shared.live() == shared.old


def test_an_image_that_does_not_start_never_replaces_what_serves(shared: SharedStack) -> None:
    """The update fails before the old nginx is touched; set back, it converges."""
    edge = docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge")
    with load.running(shared.url, plan=PLAN) as traffic:
        said = shared.up_fails(edge_image=f"{IMAGE}:12.3.0")
    assert "nginx is not replaced, because the new one does not get ready" in said
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge") == edge
    assert "edge-relief" not in containers(shared)
    shared.up(edge_image=EDGE_IMAGE)
    assert docker("inspect", "-f", "{{.Id}}", f"{shared.service}-edge") == edge


def served(shared: SharedStack) -> bool:
    """Whether users are."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{shared.url}/api/health", timeout=2).status_code == 200
    return False


def test_nginx_comes_back_by_itself_when_its_holder_has_died(shared: SharedStack) -> None:
    """Its network is gone then, for good: only a new start joins the new one."""
    holder = f"{shared.service}-edge-holder"
    pid = int(docker("inspect", "-f", "{{.State.Pid}}", holder))
    os.kill(pid, signal.SIGKILL)
    died = time.monotonic()
    wait_for(lambda: served(shared), MOST_SECONDS, "users to be served again")
    assert time.monotonic() - died < MOST_SECONDS
    wait_for(lambda: {"edge", "edge-holder"} <= containers(shared), MOST_SECONDS, "both")
    assert "unchanged" in shared.pulumi("preview", "--expect-no-changes").output


def test_the_holder_serves_where_nginx_does_not_come_back(shared: SharedStack) -> None:
    """As when Docker started it before its holder, and does not try again."""
    edge = f"{shared.service}-edge"
    docker("stop", "-t", "5", edge)
    wait_for(lambda: served(shared), MOST_SECONDS, "the holder to serve")
    assert shared.live() == shared.old
    with load.running(shared.url, plan=PLAN) as traffic:
        docker("start", edge)
        time.sleep(8)  # longer than the holder takes to see it, and its nginx to finish
    assert traffic.report.failed_total == 0, traffic.report.summary()
    shared.up(**shared.release)
    assert shared.live() == shared.new
