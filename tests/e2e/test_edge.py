"""What the edge does for users: headers, buffers, WebSockets, ports, restarts."""

import asyncio
import contextlib
import re
import socket
import socketserver
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from bluegreen.config.defaults import EDGE_IMAGE, IMAGE
from bluegreen.docker.facts import LABEL
from bluegreen.edge.clients import Listening
from bluegreen.edge.render import render, render_edge, stamp
from bluegreen.edge.state import BODIES, EDGE_CONFIG, LISTEN, LOGS, SERVICES
from bluegreen.platforms import of
from evidence.lab.host import docker
from evidence.lab.processes import wait_for
from evidence.lab.shared import SharedStack
from evidence.lab.stacks import Stack, remove
from tests.unit.examples import ROOT, make_settings


@pytest.fixture
def edge(shared: SharedStack) -> SharedStack:
    """A stack for all tests here that change nothing."""
    return shared


def test_the_service_sees_the_original_headers(edge: SharedStack) -> None:
    """Host as sent, port included, and who asks; what a client says of itself is not believed."""
    forged = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example.com",
        "X-Forwarded-User": "admin",
        "Forwarded": "for=192.0.2.1",
        "X-Real-IP": "192.0.2.1",
    }
    seen = httpx.get(f"{edge.url}/whoami", headers=forged).json()
    headers = {name.lower(): value for name, value in dict(seen["headers"]).items()}
    assert headers["host"] == f"127.0.0.1:{edge.http_port}"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == headers["host"]
    assert headers["x-forwarded-for"] == headers["x-real-ip"] != "192.0.2.1"
    assert not {"forwarded", "x-forwarded-user"} & headers.keys()
    body = {"dashboard": {"uid": "a", "title": "a"}, "client_id": "a"}
    write = httpx.post(f"{edge.url}/api/dashboards/db", json=body, headers={"Origin": edge.url})
    assert write.status_code == 200, write.text


@pytest.mark.parametrize("kilobytes", [8, 60, 110])
def test_an_oauth_login_with_big_headers_is_no_502(edge: SharedStack, kilobytes: int) -> None:
    """The original's trouble: "upstream sent too big header"."""
    answer = httpx.get(f"{edge.url}/big-header", params={"kb": kilobytes})
    assert answer.status_code == 302, answer.text


def test_a_websocket_passes_both_ways(edge: SharedStack) -> None:
    """The upgrade reaches the service and its frames come back."""

    async def talk() -> list[str]:
        uri = f"ws://127.0.0.1:{edge.http_port}/api/live/ws"
        async with websockets.connect(uri) as socket:
            await socket.send("hello")
            async with asyncio.timeout(10):
                return [str(await socket.recv()) for _ in range(2)]

    assert any("hello" in text for text in asyncio.run(talk()))


def test_a_large_body_is_not_refused(edge: SharedStack) -> None:
    """Nginx's own limit of 1 MB would refuse a big dashboard."""
    answer = httpx.post(f"{edge.url}/echo", content=b"x" * (3 << 20), timeout=30)
    assert answer.status_code == 200
    assert "3145728" in answer.text


def holder(edge: SharedStack) -> str:
    """What owns the edge's network and ports."""
    return f"{edge.service}-edge-holder"


def test_all_ports_but_the_public_one_are_the_hosts_own(edge: SharedStack) -> None:
    """Preview and direct ports are bound to 127.0.0.1; the public one is open."""
    ports = docker("inspect", "-f", "{{json .HostConfig.PortBindings}}", holder(edge))
    assert f'"HostIp":"0.0.0.0","HostPort":"{edge.http_port}"' in ports
    assert f'"HostIp":"127.0.0.1","HostPort":"{edge.preview_port}"' in ports
    direct = edge.outputs()["direct_urls"]
    color, version = edge.old
    assert httpx.get(f"{direct[color]}/api/health").json()["version"] == version
    preview = httpx.get(direct["preview"])
    assert preview.status_code == 503
    assert f"{edge.new.color} is idle" in preview.text


def test_who_is_live_is_told_to_private_addresses_only(edge: SharedStack) -> None:
    """A client with a public address gets 403 at /-/bluegreen, and is served otherwise."""
    assert set(httpx.get(f"{edge.url}/-/bluegreen").json()) == {
        "color",
        "version",
        "generation",
        "since",
    }
    assert httpx.get(f"{edge.url}/-/healthz").status_code == 200
    public = f"{edge.service}-public"
    # 198.51.100.0/24 is set apart for documentation (RFC 5737): public, and nobody's.
    docker("network", "create", "--subnet", "198.51.100.0/28", public)
    try:
        docker("network", "connect", public, holder(edge))
        image = docker("inspect", "-f", "{{.Image}}", f"{edge.service}-edge").strip()
        ask = "curl -s -o /dev/null -w '%{http_code} ' http://$0/-/bluegreen http://$0/-/healthz"
        run = ("run", "--rm", "--network", public, "--entrypoint", "sh", image, "-c", ask)
        assert docker(*run, holder(edge)).split()[0] == "403"
    finally:
        docker("network", "disconnect", "-f", public, holder(edge))
        docker("network", "rm", public)


def test_a_color_that_comes_back_with_another_address_is_found(edge: SharedStack) -> None:
    """Its name is asked again: no reload, no 502 that stays."""
    live, others = (
        f"{edge.service}-{edge.old.color}",
        [f"{edge.service}-other{n}" for n in range(8)],
    )
    before = address(live)
    image = docker("inspect", "-f", "{{.Image}}", live).strip()
    docker("stop", "-t", "5", live)
    try:
        for other in others:  # Docker gives out the lowest one that is free
            docker("run", "-d", "--name", other, "--network", edge.service, image, "sleep", "120")
            if address(other) == before:
                break
        docker("start", live)
        assert address(live) != before
        wait_until_served(edge.url)
    finally:
        docker("rm", "-f", *others)


def test_nginx_comes_back_by_itself_with_the_live_color(edge: SharedStack) -> None:
    """Also while the color it leads to is stopped, which a literal upstream would not survive."""
    live = f"{edge.service}-{edge.old.color}"
    docker("stop", "-t", "5", live)
    docker("restart", f"{edge.service}-edge")
    docker("start", live)
    wait_until_served(edge.url)
    assert edge.live() == edge.old


@contextlib.contextmanager
def color_of(replicas: int, one_more: Sequence[str], folder: Path) -> Iterator[tuple[str, str]]:
    """Replicas of a color, and an edge as a Swarm has it; yields the names of both.

    One more replica runs this command instead of the service.
    """
    name = f"t{uuid.uuid4().hex[:10]}"
    edge, *blue = (f"{name}-{part}" for part in ("edge", *range(replicas), "more"))
    mine = ("--label", f"{LABEL}={name}")
    settings = make_settings(platform="swarm", data_path="")
    config, service = folder / "edge.conf", folder / "services" / name
    config.write_text(render_edge(Listening(), peers=False))
    service.mkdir(parents=True)
    ports = folder / "ports"
    ports.mkdir()
    for name_of_file in ("first", "each"):
        (ports / f"{name_of_file}.conf").write_text("listen 80;")
    (ports / "files.conf").write_text("worker_rlimit_nofile 10000;")
    rendered = render(settings, "blue", name, ROOT, of(settings).upstream)
    (service / "nginx.conf").write_text(stamp(rendered, rendered, 1, "now"))
    try:
        docker("network", "create", *mine, name)
        for replica in blue:
            words = one_more if replica.endswith("more") else ()
            docker("run", "-d", *mine, "--network", name, "--name", replica,
                   "--network-alias", f"{name}-blue", f"{IMAGE}:12.3.0", *words)  # fmt: skip
        docker("run", "-d", *mine, "--network", name, "--name", edge,
               "-v", f"{config}:{EDGE_CONFIG}:ro", "-v", f"{service.parent}:{SERVICES}:ro",
               "-v", f"{ports}:{LISTEN}:ro", "--tmpfs", LOGS, "--tmpfs", BODIES, EDGE_IMAGE,
               "nginx", "-c", EDGE_CONFIG, "-g", "daemon off;")  # fmt: skip
        yield name, edge
    finally:
        remove(name)


@pytest.mark.parametrize("left", [1, 2])
def test_a_replica_that_goes_costs_no_request(left: int, tmp_path: Path) -> None:
    """Who waits for it to take a connection when nginx hears that it is gone gets another one."""
    with color_of(left, ("sleep", "inf"), tmp_path) as (name, edge):
        url = f"http://{address(edge)}"
        wait_until_served(url)

        def write(number: int) -> str:
            answer = httpx.post(f"{url}/echo?of=a%2Fb", content=f"{number}", timeout=30)
            return answer.text if answer.is_error else str(answer.json()["length"])

        docker("network", "disconnect", "-f", name, f"{name}-more")
        with ThreadPoolExecutor(12) as clients:
            assert set(clients.map(write, range(24))) == {"1", "2"}
        asked_anew = re.compile(r'"upstream":"[^"]* : ')
        log = ("exec", edge, "cat", f"{LOGS}/access.log")
        wait_for(lambda: asked_anew.search(docker(*log)), 20, "a request that was asked anew")


def test_a_write_that_was_sent_is_never_sent_again(tmp_path: Path) -> None:
    """Nobody knows whether it was done: it fails, and the client decides."""
    takes_and_hangs_up = (
        "import socket\n"
        "server = socket.create_server(('', 3000))\n"
        "while client := server.accept()[0]:\n"
        "    print(client.recv(9999).split(b'\\r\\n')[0].decode(), flush=True)\n"
        "    client.close()\n"
    )
    with color_of(0, ("python3", "-c", takes_and_hangs_up), tmp_path) as (name, edge):
        url = f"http://{address(edge)}/a%2Fb"

        def has_seen(method: str) -> int:
            with contextlib.suppress(httpx.TransportError):
                assert httpx.request(method, url, timeout=30).status_code == 502
            return docker("logs", f"{name}-more").count(f"{method} /a%2Fb")

        wait_for(lambda: has_seen("GET"), 20, "a service that is asked")
        assert has_seen("POST") == 1


def address(container: str) -> str:
    """A container's address on its network."""
    shape = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "-f", shape, container).strip()


def wait_until_served(url: str) -> None:
    """Ask until the service answers through the edge."""

    def served() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/api/health").status_code == 200
        return False

    wait_for(served, 20, "the service")


@contextlib.contextmanager
def daemon_over_tcp() -> Iterator[str]:
    """The local daemon by TCP, as a remote one would be reached; yields its DOCKER_HOST."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    class Client(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as daemon:
                daemon.connect("/var/run/docker.sock")
                there = threading.Thread(target=carry, args=(self.request, daemon))
                there.start()
                carry(daemon, self.request)
                there.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Client) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.skipif(not Path("/var/run/docker.sock").exists(), reason="the daemon is elsewhere")
def test_a_remote_daemon_is_released_to_without_any_direct_port(make_stack: Any) -> None:
    """Gate, switch, bake and drain go through the daemon named in docker:host alone."""
    with daemon_over_tcp() as host:
        stack: Stack = make_stack()
        stack.environment["DOCKER_HOST"] = "unix:///nowhere.sock"
        stack.provider = {"docker:host": host}
        stack.up()
        stack.up(active_color="green", green_version="12.4.0")
        assert stack.live() == ("green", "12.4.0")
