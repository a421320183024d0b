"""As much of HTTP/1.1 as the stand-in needs: read a request, write an answer."""

import asyncio
import http
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .errors import BadRequest

HEAD_LIMIT = 256 * 1024
BODY_LIMIT = 64 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """One request, its body read."""

    method: str
    path: str
    query_string: str
    headers: list[tuple[str, str]]
    """As received, in order and in the client's spelling."""
    by_name: dict[str, str]
    """By lower-case name; of a header that came twice, the last."""
    body: bytes
    remote: str
    keep_alive: bool

    def header(self, name: str) -> str:
        """Return a header's value, empty if it was not sent."""
        return self.by_name.get(name.lower(), "")

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter's value."""
        return parse_qs(self.query_string).get(name, [default])[-1]

    def number(self, name: str, default: float, most: float) -> float:
        """Return a query parameter that must be a number from 0 to ``most``."""
        given = self.query(name, str(default))
        try:
            value = float(given)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise BadRequest(400, f"{name}={given} is not a number from 0 to {most:g}")
        return value

    def cookie(self, name: str) -> str:
        """Return a cookie's value, empty if it was not sent."""
        pairs = (pair.strip().partition("=") for pair in self.header("cookie").split(";"))
        return next((value for key, _, value in pairs if key == name), "")


@dataclass(slots=True)
class Response:
    """One answer; a body too big to hold comes as a stream of a known length."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: AsyncIterator[bytes] | None = None
    stream_length: int = 0

    def head(self, extra: str, *, keep_alive: bool) -> bytes:
        """Return the status line and all headers as they go on the wire."""
        length = len(self.body) if self.stream is None else self.stream_length
        own = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        return (
            f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {length}\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n{extra}{own}\r\n"
        ).encode("latin-1")


@dataclass(slots=True)
class Takeover:
    """Instead of an answer: the connection belongs to this function until it returns."""

    run: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def as_json(
    value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None
) -> Response:
    """Answer with JSON, indented as Grafana does."""
    body = json.dumps(value, indent=2).encode() + b"\n"
    return Response(status, body, "application/json; charset=UTF-8", headers or [])


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: str, head: bytes
) -> Request:
    """Parse a head that was read, and read the body that it announces."""
    lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, protocol = lines[0].split(" ")
    except ValueError:
        raise BadRequest(400, "not an HTTP request line") from None
    if protocol not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, f"{protocol} is not spoken here")
    headers = []
    by_name = {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest(400, f"not a header: {line[:40]}")
        value = value.strip()
        headers.append((name, value))
        by_name[name.lower()] = value
    if by_name.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, _, query_string = target.partition("?")
    connection = by_name.get("connection", "").lower()
    keep_alive = "close" not in connection and (
        protocol == "HTTP/1.1" or "keep-alive" in connection
    )
    body = b""
    if "chunked" in by_name.get("transfer-encoding", "").lower():
        body = await _chunked_body(reader)
    elif length := by_name.get("content-length"):
        if not length.isdecimal():
            raise BadRequest(400, f"Content-Length: {length[:40]} is not a length")
        if int(length) > BODY_LIMIT:
            raise BadRequest(413, f"a body of {length} bytes is too long, most are {BODY_LIMIT}")
        body = await reader.readexactly(int(length))
    return Request(method, path, query_string, headers, by_name, body, remote, keep_alive)


async def _chunked_body(reader: asyncio.StreamReader) -> bytes:
    parts = []
    total = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise BadRequest(400, "not the size of a chunk") from None
        total += size
        if size < 0 or total > BODY_LIMIT:
            raise BadRequest(413, f"the body is too long, most are {BODY_LIMIT} bytes")
        if size == 0:
            break
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers say nothing that matters here
    return b"".join(parts)
