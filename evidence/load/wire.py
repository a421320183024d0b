"""One HTTP/1.1 connection, with every way in which it can end kept apart.

Written on plain sockets because the usual clients hide what is counted here: they retry, and they
do not tell a server that closed an idle connection, before anything was sent on it, from one that
took a request and went away.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from .fates import OTHER, REFUSED, RESET, TIMED_OUT, TRUNCATED, WRONG, Failure

ADDRESS = "127.0.0.1"
RECEIVE_SIZE = 256 * 1024
HEAD_LIMIT = 256 * 1024
SERVER_CLOSES_SECONDS = 0.2

OnBody = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    """Empty if it went to ``on_body`` instead."""
    length: int
    keep_alive: bool


class Connection:
    """One connection and what is left to read on it."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, non-blocking socket."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._answered: float | None = None
        self.received = 0
        """Bytes of the answer that is being read."""

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of this machine."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, (ADDRESS, port))
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                _connecting_failed(error)
            raise
        return cls(sock)

    def is_usable(self) -> bool:
        """Tell whether a request may be sent: nobody closed the connection in the meantime.

        The socket itself is asked, as late as possible, and not the event loop, which may not
        have come round to it. What ends between this look and the sending is a failure, as it
        would be for any client.
        """
        if self._buffer:
            self._unasked(bytes(self._buffer))
        try:
            waiting = self._sock.recv(1024, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if waiting:
            self._unasked(waiting)
        return False

    async def ask(self, request: bytes, on_body: OnBody | None = None) -> Answer:
        """Send a request and read its whole answer."""
        where = "new connection"
        if self._answered is not None:
            rested = self._loop.time() - self._answered
            where = f"reused connection, {rested:.2f} s after its last answer"
        self.received = 0
        try:
            await self._loop.sock_sendall(self._sock, request)
        except OSError as error:
            raise Failure(RESET, f"{_named(error)} while sending on a {where}") from error
        try:
            answer = await self._read_answer(on_body)
        except _Ended as ended:
            if self.received:
                seen = f"{ended} after {self.received} bytes of the answer on a {where}"
                raise Failure(TRUNCATED, seen) from ended
            raise Failure(RESET, f"{ended} instead of an answer on a {where}") from ended
        self._answered = self._loop.time()
        return answer

    async def wait_closed(self) -> None:
        """Give the server, which was asked to close, the time to do it first, then close.

        Who closes first keeps the port for a minute: hundreds of fresh connections a second
        would use up all of ours.
        """
        try:
            async with asyncio.timeout(SERVER_CLOSES_SECONDS):
                await self._receive()
        except (TimeoutError, _Ended):
            pass
        finally:
            self.close()
        if self._buffer:
            raise Failure(WRONG, f"more than the answer said it has: {self._buffer[:60]!r}")

    def close(self) -> None:
        """Close; may be called again."""
        self._sock.close()

    async def _read_answer(self, on_body: OnBody | None) -> Answer:
        status = 100
        while 100 <= status < 200:  # such as "100 Continue": the answer is yet to come
            lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            version, _, rest = lines[0].partition(" ")
            if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
                raise Failure(WRONG, f"not an HTTP answer: {lines[0][:60]!r}")
            status = int(rest[:3])
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        keep_alive = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
        body = bytearray()
        take = on_body or body.extend
        length = 0
        if "chunked" in headers.get("transfer-encoding", "").lower():
            length = await self._chunks(take)
        elif "content-length" in headers:
            if not headers["content-length"].isdecimal():
                raise Failure(WRONG, f"Content-Length: {headers['content-length'][:40]!r}")
            length = int(headers["content-length"])
            await self._exactly(length, take)
        elif status not in (204, 304):
            length = await self._rest(take)
            keep_alive = False
        return Answer(status, headers, bytes(body), length, keep_alive)

    async def _chunks(self, take: OnBody) -> int:
        length = 0
        while True:
            line = await self._until(b"\r\n")
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                raise Failure(WRONG, f"not the size of a chunk: {line[:40]!r}") from None
            if size == 0:
                break
            await self._exactly(size, take)
            if await self._until(b"\r\n"):
                raise Failure(WRONG, "a chunk is longer than it says")
            length += size
        while await self._until(b"\r\n"):
            pass  # trailers
        return length

    async def _rest(self, take: OnBody) -> int:
        length = 0
        while True:
            length += len(self._buffer)
            take(bytes(self._buffer))
            self._buffer.clear()
            try:
                await self._receive()
            except _Ended as ended:
                if ended.in_order:
                    return length
                raise

    async def _exactly(self, length: int, take: OnBody) -> None:
        while length:
            if not self._buffer:
                await self._receive()
            part = bytes(self._buffer[:length])
            del self._buffer[:length]
            length -= len(part)
            take(part)

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise Failure(WRONG, f"no end of the headers in {HEAD_LIMIT} bytes")
            await self._receive()
        found = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return found

    async def _receive(self) -> None:
        try:
            data = await self._loop.sock_recv(self._sock, RECEIVE_SIZE)
        except OSError as error:
            raise _Ended(_named(error), in_order=False) from error
        if not data:
            raise _Ended("connection closed", in_order=True)
        self.received += len(data)
        self._buffer += data

    def _unasked(self, data: bytes) -> NoReturn:
        raise Failure(WRONG, f"bytes that nobody asked for on an idle connection: {data[:60]!r}")


class _Ended(Exception):
    """The connection ended while an answer was awaited."""

    def __init__(self, seen: str, *, in_order: bool) -> None:
        super().__init__(seen)
        self.in_order = in_order


def _connecting_failed(error: OSError) -> NoReturn:
    if isinstance(error, ConnectionRefusedError):
        raise Failure(REFUSED, "connection refused") from error
    if isinstance(error, ConnectionResetError):
        raise Failure(RESET, "connection reset while connecting") from error
    if isinstance(error, TimeoutError):
        raise Failure(TIMED_OUT, "no connection") from error
    # Above all the limits of this machine, such as its number of ports or open files.
    raise Failure(OTHER, f"{_named(error)} while connecting") from error


def _named(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
