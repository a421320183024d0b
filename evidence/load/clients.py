"""The kinds of client that speak plain HTTP, each a loop that ends when ``stop`` is set."""

import asyncio
import base64
import hashlib
import random
import time
from collections.abc import Callable

from .fates import TIMED_OUT, TRUNCATED, WRONG, Failure, Ledger, status
from .plan import ID, Plan, Target
from .wire import Answer, Connection, OnBody
from .writes import WriteBook

FRESH_PER_SECOND = 100.0
BUSY_PER_SECOND = 200.0
"""Of a keepalive client without pauses, in bursts of requests back to back."""
POSTS_PER_SECOND = 40.0
BURST = 10
PAUSES = (0.0, 0.0, 0.01, 0.1, 0.5, 1.0, 3.0, 9.0)
"""The longest pause of each keepalive client, in turn; each single one is drawn from 0 to it, so
that reuse meets a switch at every phase. The edge keeps an idle connection for 10 s at least: a
second less is asked for, as this program may be late itself."""
AFTER_FAILURE_SECONDS = 0.05
"""A service that refuses at once must not be asked in a tight loop."""

Check = Callable[[Answer], None]


class Asker:
    """Asks on one kept connection, or on a new one each time, and enters every fate."""

    def __init__(
        self, kind: str, target: Target, ledger: Ledger, timeout: float, *, keep: bool = True
    ) -> None:
        """Open nothing yet."""
        self._kind = kind
        self._target = target
        self._ledger = ledger
        self._timeout = timeout
        self._keep = keep
        self._connection: Connection | None = None

    async def ask(
        self,
        request: bytes,
        check: Check | None = None,
        on_body: OnBody | None = None,
    ) -> Answer | None:
        """Send one request; return its answer if it was as it should be."""
        begun = time.monotonic()
        try:
            answer = await self._answer(request, on_body)
            latency = time.monotonic() - begun
            await self._release(answer)
            self._ledger.color_seen(
                self._kind, answer.headers.get(self._target.color_header.lower()), begun
            )
            if not 200 <= answer.status < 300:
                raise Failure(status(answer.status), repr(answer.body[:80]))
            if check:
                check(answer)
        except Failure as failure:
            self._ledger.failed(self._kind, failure)
            await asyncio.sleep(AFTER_FAILURE_SECONDS)
            return None
        self._ledger.answered(self._kind, latency)
        return answer

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._connection:
            self._connection.close()
            self._connection = None

    async def _answer(self, request: bytes, on_body: OnBody | None) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._usable_connection()
                answer = await connection.ask(request, on_body)
        except TimeoutError as error:
            received = self._connection.received if self._connection else 0
            self.close()
            seen = f"{received} bytes of an answer after {self._timeout:g} s"
            raise Failure(TIMED_OUT, seen) from error
        except BaseException:
            self.close()
            raise
        return answer

    async def _release(self, answer: Answer) -> None:
        connection = self._connection
        if connection and not (self._keep and answer.keep_alive):
            self._connection = None
            await connection.wait_closed()

    async def _usable_connection(self) -> Connection:
        if self._connection and not self._connection.is_usable():
            # As a browser does: nothing was sent yet, so nothing was lost.
            self._ledger.reopened()
            self.close()
        if not self._connection:
            self._connection = await Connection.open(self._target.port)
        return self._connection


class Pace:
    """So many requests per second, in bursts."""

    def __init__(self, per_second: float, burst: int = 1) -> None:
        """Begin with a whole burst."""
        self._seconds = burst / per_second
        self._burst = burst
        self._left = burst
        self._next = time.monotonic() + self._seconds

    async def wait(self) -> None:
        """Return when the next request is due."""
        self._left -= 1
        if self._left > 0:
            return
        now = time.monotonic()
        await asyncio.sleep(max(0.0, self._next - now))
        # What a slow service left undone is not made up for: the rate is a limit.
        self._next = max(self._next, now) + self._seconds
        self._left = self._burst


async def fresh(target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event) -> None:
    """Ask for the page on a new connection each time."""
    assert target.page_path is not None
    request = _get(target, target.page_path, "Connection: close\r\n")
    asker = Asker("fresh", target, ledger, plan.timeout, keep=False)
    pace = Pace(FRESH_PER_SECOND * plan.pace)
    while not stop.is_set():
        await asker.ask(request, _page_check(target))
        await pace.wait()
    asker.close()


async def keepalive(
    number: int, target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event
) -> None:
    """Ask for the page on one connection, back to back or with pauses."""
    assert target.page_path is not None
    request = _get(target, target.page_path)
    asker = Asker("keepalive", target, ledger, plan.timeout)
    pause = PAUSES[number % len(PAUSES)]
    pace = Pace(BUSY_PER_SECOND * plan.pace, BURST)
    while not stop.is_set():
        await asker.ask(request, _page_check(target))
        if pause:
            await _pause(stop, random.uniform(0, pause))
        else:
            await pace.wait()
    asker.close()


async def post(
    target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event, book: WriteBook
) -> None:
    """Write, and remember what the service says it has."""
    assert target.post_path is not None
    asker = Asker("post", target, ledger, plan.timeout)
    pace = Pace(POSTS_PER_SECOND * plan.pace)
    while not stop.is_set():
        number, name = book.next_id()
        body = target.post_body.replace(ID, name).encode()
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        request = _head("POST", target, target.post_path, more) + body
        if await asker.ask(request, _contains(name)):
            book.acknowledge(number)
        await pace.wait()
    asker.close()


async def slow(target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event) -> None:
    """Ask for what takes its time, one after the other."""
    assert target.slow_path is not None
    asker = Asker("slow", target, ledger, plan.slow_timeout)
    while not stop.is_set():
        await asker.ask(_get(target, target.slow_path))
        await _pause(stop, AFTER_FAILURE_SECONDS)
    asker.close()


async def download(target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event) -> None:
    """Load a long body and check it to the last byte."""
    assert target.download_path is not None
    asker = Asker("download", target, ledger, plan.slow_timeout)
    while not stop.is_set():
        digest = hashlib.sha256()
        await asker.ask(
            _get(target, target.download_path), _digest_check(digest), on_body=digest.update
        )
        await _pause(stop, AFTER_FAILURE_SECONDS)
    asker.close()


def _digest_check(digest: "hashlib._Hash") -> Check:
    def check(answer: Answer) -> None:
        told = answer.headers.get("repr-digest", "")
        mine = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        if told.startswith("sha-256=") and told != mine:
            raise Failure(WRONG, f"{answer.length} bytes with digest {mine} instead of {told}")
        if not answer.length:
            raise Failure(TRUNCATED, "an empty download")

    return check


def _page_check(target: Target) -> Check:
    return _contains(target.page_contains)


def _contains(wanted: str) -> Check:
    wanted_bytes = wanted.encode()

    def check(answer: Answer) -> None:
        if wanted_bytes not in answer.body:
            raise Failure(WRONG, f"{wanted!r} is not in {answer.body[:80]!r}")

    return check


def _get(target: Target, path: str, more: str = "") -> bytes:
    return _head("GET", target, path, more)


def _head(method: str, target: Target, path: str, more: str) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {target.host}\r\nUser-Agent: bluegreen-load\r\n"
        f"Accept: */*\r\n{more}\r\n"
    ).encode()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
