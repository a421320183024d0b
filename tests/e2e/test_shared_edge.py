"""Services with stacks of their own on one edge: reached by host and path, released apart.

Each test goes on from the one before it: one worker runs them all (tests/conftest.py).
"""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import evidence.load as load
from evidence.lab.host import docker
from evidence.lab.stacks import Stack, removed

OF_A_SERVICE = ("active_color", "blue_version", "preview_port", "bake", "health")
AGAIN = ("--retry", "20", "--retry-all-errors", "--retry-delay", "1")
# Both are this machine, for the load.
A, B = "localhost", "127.0.0.1"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An edge without services."""
    config: dict[str, Any] = dict.fromkeys(OF_A_SERVICE)
    with removed(tmp_path_factory.mktemp("edge"), kind="edge", **config) as stack:
        stack.up()
        yield stack


def service(folder: Path, edge: Stack, **config: Any) -> Iterator[Stack]:
    """A service on it, released once."""
    theirs: dict[str, Any] = {"http_port": None, "preview_port": None, "edge": edge.name}
    with removed(folder, beside=edge, **theirs, **config) as stack:
        stack.up()
        yield stack
        stack.pulumi("destroy", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def a(tmp_path_factory: pytest.TempPathFactory, edge: Stack) -> Iterator[Stack]:
    """The service that has a host of its own."""
    folder = tmp_path_factory.mktemp("a")
    yield from service(folder, edge, hosts=[A], preview_host="preview.example.com")


@pytest.fixture(scope="module")
def b(tmp_path_factory: pytest.TempPathFactory, edge: Stack, a: Stack) -> Iterator[Stack]:
    """The service that has a host, and a path of the other one's."""
    assert a.outputs()["live"]["color"] == "blue"
    folder = tmp_path_factory.mktemp("b")
    yield from service(folder, edge, hosts=[A, B], path_prefix="/b", strip_path_prefix=True)


def ask(edge: Stack, host: str, path: str = "/api/health") -> httpx.Response:
    """Ask the edge for a path of a host."""
    return httpx.get(f"{edge.url}{path}", headers={"Host": host}, timeout=15)


def test_each_host_and_path_leads_to_its_service(edge: Stack, a: Stack, b: Stack) -> None:
    """The longest prefix wins; what nobody has is not found; nothing changes by looking."""
    assert ask(edge, A).json()["version"] == "12.3.0"
    a.up(active_color="green", green_version="12.4.0")
    assert ask(edge, A).json()["version"] == "12.4.0"
    for host in (A, B):
        assert ask(edge, host, "/b/api/health").json()["version"] == "12.3.0"
    assert ask(edge, A, "/b").status_code == 200
    assert ask(edge, A, "/bb").headers["X-Served-By"] == "green"
    assert ask(edge, B, "/").status_code == 404
    assert ask(edge, "unknown.example.com").status_code == 404
    assert ask(edge, "preview.example.com").status_code == 503  # blue was removed
    assert ask(edge, A, "/-/bluegreen").json()["color"] == "green"
    for stack in (edge, a, b):
        assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_what_another_service_has_is_refused_by_name(edge: Stack, a: Stack, b: Stack) -> None:
    """In the preview, with whose it is; nothing is touched."""
    b.configure(path_prefix=None, strip_path_prefix=None)
    said = b.pulumi("preview").output
    b.configure(path_prefix="/b", strip_path_prefix=True)
    assert f"{A} is claimed by {a.service} on this edge" in said
    done = b.bluegreen("plan", "--json")
    assert done.code == 0, done.output


def test_the_edge_says_what_each_serves(edge: Stack, a: Stack, b: Stack) -> None:
    """By its status; and what is a service's is refused there."""
    said = edge.bluegreen("status", "--check")
    assert said.code == 0, said.output
    assert f"service   {a.service}: " in said.output
    assert f"service   {b.service}: " in said.output
    refused = edge.bluegreen("deploy", "12.4.0", "--yes")
    assert refused.code == 2
    assert "is an edge: it has no colors" in refused.output
    assert a.bluegreen("status", "--check").code == 0


def test_releases_at_the_same_time_cost_neither_a_request(edge: Stack, a: Stack, b: Stack) -> None:
    """Both under load, each with the other's reloads; both are right afterwards."""
    b.up(hosts=[B], path_prefix=None, strip_path_prefix=None)
    plan = load.Plan(pace=0.1)
    wanted = {stack: other(stack) for stack in (a, b)}
    with (
        load.running(f"http://{A}:{edge.http_port}", plan=plan) as on_a,
        load.running(f"http://{B}:{edge.http_port}", plan=plan) as on_b,
    ):
        threads = [
            threading.Thread(target=stack.up, kwargs=release) for stack, release in wanted.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for stack, traffic in ((a, on_a), (b, on_b)):
        assert traffic.report.failed_total == 0, traffic.report.summary()
        assert stack.outputs()["live"]["color"] == wanted[stack]["active_color"]


def other(stack: Stack) -> dict[str, str]:
    """A release on the color that is not live."""
    if stack.outputs()["live"]["color"] == "blue":
        return {"active_color": "green", "green_version": "12.4.0"}
    return {"active_color": "blue", "blue_version": "12.3.0"}


def test_the_lost_states_of_all_are_rebuilt_the_edges_first(
    edge: Stack, a: Stack, b: Stack
) -> None:
    """The services' programs read what it puts out."""
    shutil.rmtree(edge.folder / "state/.pulumi")
    for stack in (edge, a, b):
        rebuilt = stack.bluegreen("recover", "--rebuild-state", "--yes")
        assert rebuilt.code == 0, rebuilt.output
        assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_a_template_that_nginx_refuses_is_refused_for_that_service_alone(
    edge: Stack, a: Stack, b: Stack
) -> None:
    """The other one releases all the same, and nginx starts with what it had."""
    broken = b.folder / "broken.conf"
    broken.write_text("location / { proxy_pass http://{{ upstream }}; expires nonsense; }\n")
    said = b.up_fails(**other(b), service_template="broken.conf")
    assert "nginx refuses the rendered config" in said
    a.up(**other(a))
    docker("restart", "-t", "3", f"{edge.service}-edge")
    for host in (A, B):
        retried = subprocess.run(
            ["curl", "-sf", *AGAIN, "-H", f"Host: {host}", f"{edge.url}/api/health"],
            check=True,
            capture_output=True,
        )
        assert b"version" in retried.stdout
    b.configure(service_template=None)


def test_an_edge_with_services_is_not_destroyed_and_a_service_leaves_alone(
    edge: Stack, a: Stack, b: Stack
) -> None:
    """It says whose they are; what stays is served."""
    said = edge.pulumi("destroy", "--yes", "--skip-preview")
    assert said.code != 0
    assert f"still has services: {', '.join(sorted((a.service, b.service)))}" in said.output
    assert ask(edge, A).status_code == 200
    assert b.pulumi("destroy", "--yes", "--skip-preview").code == 0
    assert ask(edge, B).status_code == 404
    assert ask(edge, A).status_code == 200
    docker("rm", "-f", f"{edge.service}-edge")
    assert a.pulumi("destroy", "--yes", "--skip-preview").code == 0
    assert edge.pulumi("destroy", "--yes", "--skip-preview").code == 0
