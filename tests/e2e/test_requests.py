"""What reaches a service through the edge, compared with what reaches it directly."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evidence.lab.host import docker, free_ports
from evidence.lab.stacks import Stack, removed

Maker = Callable[..., Stack]
SCRIPT = (Path(__file__).parent / "teller.py").read_text()
# What Docker has instead of a plain stack's data and of Grafana's health.
TELLER: dict[str, Any] = {
    "image": "bluegreen-standin-base",
    "blue_version": "1",
    "command": ["python3", "-c", SCRIPT],
    "data_path": "",
    "stop_grace": 1,
}
HEALTH = {"path": "/healthz", "interval": 0.1, "timeout": 15}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that tells what it is asked, behind the edge and by a direct port."""
    folder, (port,) = tmp_path_factory.mktemp("teller"), free_ports(1)
    with removed(folder, **TELLER, health=HEALTH, blue_port=port) as stack:
        stack.up()
        yield stack


def asked(port: int, request: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    while answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def request(
    path: str = "/", method: str = "GET", *headers: str, body: bytes = b"", version: str = "1.1"
) -> bytes:
    """A request, which ends its connection."""
    lines = [f"{method} {path} HTTP/{version}", *headers]
    if version == "1.1":
        lines += ["Host: shop.example.com", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def upload(size: int, *headers: str, method: str = "POST") -> bytes:
    """A body of this size, with its length."""
    return request("/up", method, f"Content-Length: {size}", *headers, body=b"u" * size)


def in_chunks(*sizes: int) -> bytes:
    """A body in chunks."""
    body = b"".join(b"%x\r\n%s\r\n" % (size, b"c" * size) for size in sizes) + b"0\r\n\r\n"
    return request("/up", "POST", "Transfer-Encoding: chunked", body=body)


PATHS = (
    "/ /a /a/ //a /a//b /a%2Fb /a%2fb /%61 /a%20b /a+b /a;b=c /a,b /a:b /a@b /a!b /a'b /a(b) /a*b "
    "/a=b&c /.a /a/./b /a/../b /a/..%2Fb /%C3%A9 /%E2%82%AC ? /?x /a?x=1&y=2 /a?x=%2F /a?x=/../b "
    "/a?? /a?x=a+b /a?x=http://b/ /-/x /.well-known/x"
).split()
REQUESTS: dict[str, bytes] = {
    **{f"GET {path}": request(path if path.startswith("/") else f"/{path}") for path in PATHS},
    **{method: request("/", method) for method in ("OPTIONS", "DELETE", "PROPFIND")},
    **{method: upload(3, method=method) for method in ("POST", "PUT", "PATCH")},
    "HEAD": request("/", "HEAD"),
    "HTTP/1.0 without Host": request("/old", version="1.0"),
    "Expect": upload(9, "Expect: 100-continue"),
    "a URL of 16 kB": request(f"/?{'u' * 16_000}"),
    "a cookie of 32 kB": request("/", "GET", f"Cookie: c={'c' * 32_000}"),
    "a header of 60 kB": request("/", "GET", f"X-Big: {'b' * 60_000}"),
    "100 headers": request("/", "GET", *(f"X-{n}: {n}" for n in range(90))),
    "no body": upload(0),
    "a body of 1 MB": upload(1_000_000),
    "a body of 20 MB": upload(20_000_000),
    "in one chunk": in_chunks(5),
    "in chunks": in_chunks(5, 70_000, 1, 300_000),
    "a status of 404": request("/", "GET", "X-Want: 404"),
    "a status of 418": request("/", "GET", "X-Want: 418"),
    "a status of 502": request("/", "GET", "X-Want: 502"),
    "a status of 503": request("/", "GET", "X-Want: 503"),
    "an upgrade to h2c": request(
        "/", "GET", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
    ),
    "text in a header": request("/", "GET", "X-Text: caf\u00e9"),
    "an Authorization": request("/", "GET", "Authorization: Basic YTpi"),
    "a range": request("/", "GET", "Range: bytes=0-9"),
    "a big answer": request("/big"),
}
# What the edge says itself of a request, and what it keeps from the service.
OWN = {
    "host", "connection", "upgrade", "http2-settings", "expect", "transfer-encoding",
    "content-length", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
    "x-forwarded-port",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_reaches_the_service_as_it_was_sent(edge: Stack, name: str) -> None:
    """Path, method, headers, body and answer are the same as without the edge."""
    sent = REQUESTS[name]
    directly, through = (asked(port, sent) for port in (edge.config["blue_port"], edge.http_port))
    assert through[0] == directly[0]
    if not directly[1].startswith(b'{"line"'):
        assert hashlib.sha256(through[1]).hexdigest() == hashlib.sha256(directly[1]).hexdigest()
        return
    want, got = json.loads(directly[1]), json.loads(through[1])
    if "1.0" not in name:
        assert got["line"] == want["line"]
    assert (got["body"], got["length"]) == (want["body"], want["length"])
    assert _passed(got) == _passed(want)
    if "upgrade" in name:
        assert "upgrade" not in dict(got["headers"])


def _passed(told: Any) -> list[list[str]]:
    return [each for each in told["headers"] if each[0] not in OWN]


@pytest.mark.parametrize("path", ["/stream", "/until-closed"])
def test_a_stream_is_passed_on_piece_by_piece(edge: Stack, path: str) -> None:
    """Not when it ends: the first piece is there a second before the second one."""
    times = []
    with httpx.stream("GET", f"{edge.url}{path}", timeout=10) as answer:
        for piece in answer.iter_text():
            times += [time.monotonic()] * piece.count("piece")
    assert len(times) == 3
    assert times[2] - times[0] > 1.5


def test_what_the_edge_cannot_let_pass_is_refused_by_it(edge: Stack) -> None:
    """Bodies beyond max_body before they are read; more headers than there is space for."""
    assert asked(edge.http_port, request("/", "POST", "Content-Length: 10000000000"))[0] == 413
    many = request("/", "GET", *(f"X-{n}: {'h' * 30}" for n in range(20_000)))
    assert asked(edge.http_port, many)[0] in (400, 431, 494)


def test_abuse_hurts_neither_users_nor_the_disk(edge: Stack) -> None:
    """Uploads without an end, clients that send a byte a second: others are served as before."""
    over, failed = threading.Event(), []

    def endless() -> None:
        while not over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", edge.http_port), 5) as connection:
                    connection.sendall(request("/up", "PUT", "Transfer-Encoding: chunked"))
                    while not over.wait(0.01):
                        connection.sendall(b"10000\r\n" + b"z" * 65536 + b"\r\n")
            except OSError:
                continue

    def crawling() -> None:
        with socket.create_connection(("127.0.0.1", edge.http_port), 5) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(1):
                try:
                    connection.sendall(b"s")
                except OSError:
                    return

    threads = [threading.Thread(target=endless) for _ in range(3)]
    threads += [threading.Thread(target=crawling) for _ in range(200)]
    name = f"{edge.service}-edge"
    before = docker("ps", "-s", "--filter", f"name={name}", "--format", "{{.Size}}")
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + 20
        with httpx.Client(timeout=10) as client:
            while time.monotonic() < end:
                if client.get(f"{edge.url}/user").status_code != 200:
                    failed.append(1)
                time.sleep(0.02)
        after = docker("ps", "-s", "--filter", f"name={name}", "--format", "{{.Size}}")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert after == before
