"""The load finds each fault that a server has, counts it right, and finds none in a good one.

The servers here are real and local; each counts its own misdeeds, and the load's count must agree.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.server import ServerConnection, serve

from evidence.load import (
    Load,
    LoadError,
    NotLocal,
    Plan,
    Report,
    Seen,
    Stalls,
    Target,
    Websockets,
    Writes,
    running,
)
from evidence.load.clients import Asker
from evidence.load.fates import Ledger
from evidence.load.latency import quantile, within
from evidence.load.options import as_arguments

REPO = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds: only ever used up by a test that fails."""
NOBODY = Plan(fresh=0, keepalive=0, post=0, slow=0, download=0, websocket=0, timeout=PATIENCE)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Served-By: blue 12.3\r\n\r\ngood"
T = TypeVar("T")


class Server:
    """Counts what it was asked, and lets ``answer`` misbehave."""

    def __init__(self, answer: "Answer") -> None:
        self.answer = answer
        self.port = 0
        self.asked = 0
        self.misdeeds = 0
        self.bodies: Counter[bytes] = Counter()
        self.closed = asyncio.Event()
        self._reached = asyncio.Event()
        self._wanted = 0

    async def asked_for(self, count: int) -> None:
        """Wait for so many requests."""
        self._wanted = count
        await asyncio.wait_for(self._reached.wait(), PATIENCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it or the answer ends."""
        number = 0
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    body = b""
                    if "Content-Length: " in head:
                        length = head.partition("Content-Length: ")[2].partition("\r\n")[0]
                        body = await reader.readexactly(int(length))
                    self.asked += 1
                    self.bodies[body] += 1
                    number += 1
                    if self._wanted and self.asked >= self._wanted:
                        self._reached.set()
                    self.misdeeds += bool(await self.answer(self, writer, number, body))
                    if writer.is_closing() or "Connection: close" in head:
                        break
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.closed.set()


Answer = Callable[[Server, asyncio.StreamWriter, int, bytes], Awaitable[bool]]
"""Writes an answer to the n-th request of its connection; tells whether it was a misdeed."""


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def target(port: int, **changes: Any) -> Target:
    plain = Target(f"http://127.0.0.1:{port}", page_contains="good", count_writes=None)
    return replace(plain, post_body="%ID%", **changes)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 3 * PATIENCE))


def load_against(
    answer: Answer, plan: Plan, requests: int, **changes: Any
) -> tuple[Report, Server]:
    """Load a server until it was asked so often."""

    async def work() -> tuple[Report, Server]:
        async with serving(answer) as server:
            async with Load(target(server.port, **changes), plan) as load:
                await server.asked_for(requests)
            return load.report, server

    return run(work())


async def good(_: Server, writer: asyncio.StreamWriter, __: int, body: bytes) -> bool:
    """Answer as it should be, naming what was written."""
    more = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    writer.write(more if body else GOOD)
    return False


async def abort(writer: asyncio.StreamWriter) -> bool:
    """End the connection with a reset instead of an orderly close."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    return True


def one_in(count: int, bad: Answer) -> Answer:
    """Misbehave at every so-manieth request, be good otherwise."""

    async def answer(server: Server, writer: asyncio.StreamWriter, n: int, body: bytes) -> bool:
        chosen = bad if server.asked % count == 0 else good
        return await chosen(server, writer, n, body)

    return answer


def says(answer: bytes, *, close: bool = False) -> Answer:
    """Always answer the same."""

    async def same(_: Server, writer: asyncio.StreamWriter, __: int, ___: bytes) -> bool:
        writer.write(answer)
        if close:
            writer.close()
        return True

    return same


async def hang_up(_: Server, writer: asyncio.StreamWriter, __: int, ___: bytes) -> bool:
    """Close in order, but without an answer."""
    writer.close()
    return True


async def reset(_: Server, writer: asyncio.StreamWriter, __: int, ___: bytes) -> bool:
    """Reset without an answer."""
    return await abort(writer)


QUICK = replace(NOBODY, fresh=2, keepalive=2, post=2, pace=20)


# What is good is found good


def test_a_good_server_is_found_to_have_lost_nothing() -> None:
    """Thousands of requests of the quick kinds, none failed, none missing in the count."""
    report, server = load_against(good, QUICK, 3000)
    assert report.failed_total == 0, report.summary()
    assert report.requests == server.asked >= 3000
    assert sum(report.answered.values()) == report.requests
    assert set(report.answered) == {"fresh", "keepalive", "post"}
    assert 0 < report.latency_p50 <= report.latency_p99 < 1


def test_an_idle_connection_that_was_closed_is_opened_again_and_no_failure() -> None:
    """Nothing was sent on it yet: a browser does the same and nobody notices."""

    async def once(_: Server, writer: asyncio.StreamWriter, __: int, ___: bytes) -> bool:
        writer.write(GOOD)
        writer.close()
        return False

    async def work() -> Report:
        ledger = Ledger(10, fresh=False)
        async with serving(once) as server:
            asker = Asker("keepalive", target(server.port), ledger, PATIENCE)
            for _ in range(3):
                assert await asker.ask(b"GET / HTTP/1.1\r\n\r\n")
                await asyncio.wait_for(server.closed.wait(), PATIENCE)
                server.closed.clear()
            asker.close()
        return ledger.report()

    report = run(work())
    assert (report.requests, report.failed_total, report.reopened) == (3, 0, 2)


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    """And one in chunks with its last chunk; both are whole."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2;x=y\r\nod\r\n0\r\n\r\n"
    )
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    for answer in (says(b"HTTP/1.1 200 OK\r\n\r\ngood", close=True), says(early + chunked)):
        report, _ = load_against(answer, replace(NOBODY, keepalive=2), 50)
        assert report.failed_total == 0, report.summary()


# What is bad is found, with its cause


@pytest.mark.parametrize(
    ("bad", "cause", "seen"),
    [
        (hang_up, "reset", "connection closed instead of an answer"),
        (reset, "reset", "connection reset by peer instead of an answer"),
        (says(b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno"), "status 500", "b'no'"),
        (says(b"HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n"), "status 302", "b''"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ngood", close=True),
            "truncated",
            "connection closed after 42 bytes",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n", close=True),
            "truncated",
            "connection closed after",
        ),
        (says(b"HTTP/1.1 200 OK\r\nContent-", close=True), "truncated", "after 25 bytes"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"),
            "wrong body",
            "'good' is not in b'bad'",
        ),
        (says(b"SSH-2.0-hello\r\n\r\n", close=True), "wrong body", "not an HTTP answer"),
    ],
)
def test_a_server_that_fails_one_request_in_twenty_is_found_to_do_so(
    bad: Answer, cause: str, seen: str
) -> None:
    """Each failure is counted once, under its cause, and the first are told as they were seen."""
    plan = replace(QUICK, post=0)
    report, server = load_against(one_in(20, bad), plan, 500)
    assert server.misdeeds >= 25
    assert {name for causes in report.failed.values() for name in causes} == {cause}
    assert report.failed_total == server.misdeeds
    assert report.requests == server.asked
    assert all(seen in example for example in report.examples), report.examples
    assert 0 < len(report.examples) <= 10
    assert sum(sum(causes.values()) for causes in report.failures.values()) == server.misdeeds


def test_a_reset_of_a_connection_that_is_used_again_is_a_failure() -> None:
    """The request was sent: that the connection had served before is no excuse."""

    async def second_time(s: Server, writer: asyncio.StreamWriter, n: int, body: bytes) -> bool:
        return await abort(writer) if n == 2 else await good(s, writer, n, body)

    report, server = load_against(second_time, replace(NOBODY, keepalive=2), 100)
    assert report.failed == {"keepalive": {"reset": server.misdeeds}}
    assert "on a reused connection, 0." in report.examples[0]


def test_an_answer_that_is_longer_than_it_says_is_found() -> None:
    """On a new connection, and on one that stays open."""
    longer = says(GOOD + b"more")
    for plan in (replace(NOBODY, fresh=1), replace(NOBODY, keepalive=1)):
        report, _ = load_against(longer, plan, 20)
        assert {name for causes in report.failed.values() for name in causes} == {"wrong body"}


def test_a_server_that_does_not_answer_is_found_by_the_clock() -> None:
    """Whether it says nothing at all or stops in the middle."""

    async def nothing(server: Server, writer: asyncio.StreamWriter, _: int, __: bytes) -> bool:
        writer.write(GOOD[: server.asked % 2 and 20])
        return True

    report, server = load_against(nothing, replace(NOBODY, keepalive=2, timeout=0.1), 4)
    assert report.failed == {"keepalive": {"timed out": server.misdeeds}}
    seen = " ".join(report.examples)
    assert "20 bytes of an answer after 0.1 s" in seen
    assert " 0 bytes of an answer after 0.1 s" in seen


def test_a_port_where_nobody_listens_is_refused() -> None:
    """For plain requests and for WebSockets; requests are not sent in a tight loop."""

    async def work() -> Report:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            plan = replace(NOBODY, fresh=1, websocket=1)
            async with Load(target(taken.getsockname()[1]), plan) as load:
                while not load.is_under_way():
                    await asyncio.sleep(0)
            return load.report

    report = run(work())
    assert set(report.failed) == {"fresh", "websocket"}
    assert {name for causes in report.failed.values() for name in causes} == {"refused"}
    assert report.requests == report.failed_total < 20


def test_a_download_is_checked_to_its_last_byte() -> None:
    """One wrong byte is found by the digest that came with it."""
    digest = "sha-256=:qgNjyD9mfuG9HyYzHjAAVMtNUd7S0bvMLwtx5Ag4Wqo=:"

    def with_body(body: bytes) -> bytes:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nRepr-Digest: {digest}\r\n\r\n"
        return head.encode() + body

    plan = replace(NOBODY, download=1)
    report, _ = load_against(says(with_body(b"bad")), plan, 3)
    assert report.failed.keys() == {"download"}
    assert report.failed["download"].keys() == {"wrong body"}


# Writes


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        ({}, {}),
        ({7: 2, 9: 3}, {"doubled": 2}),
        ({1: 0}, {"lost": 1}),
        ({1: 0, 2: 2}, {"lost": 1, "doubled": 1}),
    ],
)
def test_each_write_must_be_there_exactly_once(
    wrong: dict[int, int], failed: dict[str, int]
) -> None:
    """An acknowledged write that is missing, and any that is there twice, is a failure."""

    async def work() -> tuple[Report, int]:
        async with serving(good) as server:

            def count(_: str, prefix: str) -> dict[str, int]:
                arrived = {body.decode(): times for body, times in server.bodies.items()}
                assert all(name.startswith(prefix) for name in arrived)
                return {**arrived, **{f"{prefix}{n:07d}": times for n, times in wrong.items()}}

            aim = target(server.port, count_writes=count)
            async with Load(aim, replace(NOBODY, post=2, pace=20)) as load:
                await server.asked_for(100)
            return load.report, server.asked

    report, asked = run(work())
    assert report.failed == ({"post": failed} if failed else {})
    assert report.writes == Writes(
        asked, asked, failed.get("lost", 0), failed.get("doubled", 0), verified=True
    )
    assert len(report.examples) == sum(failed.values())


def test_writes_that_cannot_be_looked_for_are_no_success() -> None:
    """If the last question fails, every acknowledged write counts as a failure."""

    def broken(_: str, __: str) -> dict[str, int]:
        raise OSError("no way to ask")

    report, _ = load_against(good, replace(NOBODY, post=1), 5, count_writes=broken)
    assert report.failed == {"post": {"unverified": report.writes.acknowledged}}
    assert not report.writes.verified
    assert "no way to ask" in report.examples[0]


def test_an_answer_to_somebody_elses_write_is_found() -> None:
    """An answer that does not name the write that was sent acknowledges nothing."""
    other = says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
    report, _ = load_against(other, replace(NOBODY, post=1), 3)
    assert report.failed.keys() == {"post"}
    assert report.failed["post"].keys() == {"wrong body"}
    assert report.writes.acknowledged == 0


# WebSockets and colors


def test_a_websocket_that_is_closed_is_counted_as_cut_and_opened_again() -> None:
    """With no switch in sight there is no good reason for it."""

    async def work() -> Report:
        opened: asyncio.Queue[ServerConnection] = asyncio.Queue()

        async def stay(connection: ServerConnection) -> None:
            opened.put_nowait(connection)
            await connection.wait_closed()

        async with serve(stay, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with Load(target(port), replace(NOBODY, websocket=2)) as load:
                first, second = await opened.get(), await opened.get()
                await first.close(1001, "going away")
                await opened.get()
                second.transport.abort()
                await opened.get()
                while load.snapshot().websockets.opened < 4:
                    await asyncio.sleep(0)
            return load.report

    report = run(work())
    assert report.websockets == Websockets(opened=4, cut=2)
    assert report.failed == {"websocket": {"cut": 2}}
    assert "1001" in report.examples[0]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (says(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"), "status 502"),
        (hang_up, "reset"),
        (reset, "reset"),
    ],
)
def test_a_websocket_that_does_not_open_is_a_failure(answer: Answer, cause: str) -> None:
    """Its handshake is a request like any other."""
    report, _ = load_against(answer, replace(NOBODY, websocket=1), 2)
    assert report.failed.keys() == {"websocket"}
    assert report.failed["websocket"].keys() == {cause}, report.examples
    assert report.websockets.opened == 0


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def see(ledger: Ledger, clock: Clock, seconds: float, color: str) -> None:
    """Let a color answer for a while, ten times a second."""
    for _ in range(round(seconds * 10)):
        clock.now += 0.1
        ledger.color_seen("fresh", color)


def test_a_websocket_may_be_closed_when_a_switch_has_given_it_its_time() -> None:
    """Before the drain timeout it is cut, after it is not, and a new one has time of its own."""
    clock = Clock()
    ledger = Ledger(drain_timeout=10, fresh=True, clock=clock)
    see(ledger, clock, 5, "blue")
    opened_at = clock.now
    see(ledger, clock, 5, "blue")
    see(ledger, clock, 5, "green")
    ledger.websocket_closed(opened_at, "early")
    assert ledger.report().websockets.cut == 1
    assert "4.9 s after a switch" in ledger.report().examples[0]
    opened_after = clock.now
    see(ledger, clock, 5, "green")
    ledger.websocket_closed(opened_at, "in time")
    assert ledger.report().websockets.cut == 1
    ledger.websocket_closed(opened_after, "of the new color")
    assert ledger.report().websockets.cut == 2


def test_a_switch_is_seen_once_although_both_colors_answer_for_a_moment() -> None:
    """The time counts from the first answer of the new color, whatever comes between."""
    clock = Clock()
    ledger = Ledger(drain_timeout=10, fresh=True, clock=clock)
    see(ledger, clock, 5, "blue")
    opened_at = clock.now
    for _ in range(3):
        see(ledger, clock, 0.1, "green")
        see(ledger, clock, 0.1, "blue")
    see(ledger, clock, 9.5, "green")
    ledger.websocket_closed(opened_at, "in time")
    assert ledger.report().websockets.cut == 0


def test_a_switch_is_recorded_with_its_first_new_and_its_last_old_answer() -> None:
    """On fresh connections; kept ones, which may stay longer, are told apart."""
    clock = Clock()
    ledger = Ledger(drain_timeout=10, fresh=True, clock=clock)
    begun = clock.now
    see(ledger, clock, 5, "blue")
    see(ledger, clock, 0.1, "green")
    first = clock.now - begun
    see(ledger, clock, 0.1, "blue")
    last = clock.now - begun
    see(ledger, clock, 2, "green")
    kept = clock.now - begun
    ledger.color_seen("keepalive", "blue")
    (seen,) = ledger.report().switches
    assert seen.color == "green"
    assert seen.first_new == pytest.approx(first)
    assert seen.last_old == pytest.approx(last)
    assert seen.last_kept == pytest.approx(kept)


def test_a_slow_answer_of_the_old_color_is_no_switch_back() -> None:
    """It was asked for before the switch, and came long after it."""
    clock = Clock()
    ledger = Ledger(drain_timeout=10, fresh=True, clock=clock)
    see(ledger, clock, 5, "blue")
    begun = clock.now
    see(ledger, clock, 2, "green")
    ledger.color_seen("fresh", "blue", begun)
    see(ledger, clock, 2, "green")
    assert [seen.color for seen in ledger.report().switches] == ["green"]


def test_a_websocket_that_lands_on_the_old_color_after_a_switch_is_a_failure() -> None:
    """A client that connects again must be on the new color at once."""
    clock = Clock()
    ledger = Ledger(drain_timeout=10, fresh=True, clock=clock)
    see(ledger, clock, 5, "blue")
    see(ledger, clock, 2, "green")
    ledger.websocket_opened("green 12.4.0", clock.now)
    assert ledger.report().failed_total == 0
    ledger.websocket_opened("blue 12.3.0", clock.now)
    assert ledger.report().failed == {"websocket": {"stale color": 1}}


def test_the_shortest_life_of_a_websocket_after_its_switch_is_told() -> None:
    """One opened on the old color in the very moment of a switch is left behind by that one."""
    clock = Clock()
    ledger = Ledger(drain_timeout=5, fresh=True, clock=clock)
    see(ledger, clock, 5, "blue")
    see(ledger, clock, 0.2, "green")
    opened_at = clock.now
    see(ledger, clock, 6, "green")
    ledger.websocket_closed(opened_at, "in time", "blue 12.3.0")
    found = ledger.report().websockets
    assert found.cut == 0
    assert found.shortest_after_switch == pytest.approx(6.2, abs=0.2)


def test_latency_is_told_by_moments() -> None:
    """So that a switch can be told from what was before and after."""
    clock = Clock()
    ledger = Ledger(drain_timeout=5, fresh=True, clock=clock)
    for latency in (0.01, 0.01, 0.2, 0.01):
        ledger.answered("fresh", latency)
        clock.now += 1.0
    slices = ledger.report().latencies
    slow = within(slices, [(2.0, 2.1)])
    assert quantile((slices[number] for number in slow), 0.99) == pytest.approx(0.2, rel=0.03)
    rest = slices.keys() - slow
    assert quantile((slices[number] for number in rest), 0.99) == pytest.approx(0.01, rel=0.03)
    assert quantile([], 0.99) == 0


def test_the_load_tells_when_it_was_late_itself() -> None:
    """Latency in such a moment is partly its own."""
    ledger = Ledger(drain_timeout=5, fresh=True)
    for late in (0.001, 0.08, 0.3):
        ledger.stalled(late)
    assert ledger.report().stalls == Stalls(count=2, longest=0.3)


def test_silence_is_no_switch() -> None:
    """A color that is heard again after a pause excuses nothing."""
    clock = Clock()
    ledger = Ledger(drain_timeout=1, fresh=True, clock=clock)
    see(ledger, clock, 1, "blue")
    opened_at = clock.now
    clock.now += 30
    see(ledger, clock, 5, "blue")
    ledger.websocket_closed(opened_at, "closed")
    assert ledger.report().websockets.cut == 1


def test_answers_are_counted_by_second_and_color() -> None:
    """The timeline shows who answered when, and adds up to all answers."""
    clock = Clock()
    ledger = Ledger(10, fresh=True, clock=clock)
    see(ledger, clock, 1.9, "blue 12.3")
    see(ledger, clock, 1, "green 12.4")
    ledger.color_seen("fresh", None)
    report = ledger.report()
    assert report.by_color == {"blue": 19, "green": 10, "unknown": 1}
    seconds = [sum(colors.values()) for colors in report.timeline.values()]
    assert sum(seconds) == 30
    assert report.timeline[0].keys() == {"blue"}
    assert report.timeline[2].keys() == {"green", "unknown"}


def test_latency_is_told_to_two_percent() -> None:
    """Whatever number of requests it was, in bounded memory."""
    ledger = Ledger(10, fresh=True)
    for milliseconds in range(1, 1001):
        ledger.answered("fresh", milliseconds / 1000)
    ledger.answered("slow", 1000.0)
    assert ledger.report().latency_p50 == pytest.approx(0.500, rel=0.03)
    assert ledger.report().latency_p99 == pytest.approx(0.990, rel=0.03)


# Its bounds


@pytest.mark.parametrize("url", ["http://10.0.0.1", "http://example.com:80", "http://127.0.0.1.x"])
def test_it_loads_nothing_but_this_machine(url: str) -> None:
    """Any other host is refused before anything is sent."""
    with pytest.raises(NotLocal, match=r"load only goes to 127\.0\.0\.1 or localhost"):
        Target(url)


def test_a_plan_without_bounds_is_refused() -> None:
    """Time and rate are limited, and a negative number of clients means nothing."""
    for wrong in ({"seconds": 1e6}, {"seconds": 0.0}, {"pace": 0.0}, {"fresh": -1}):
        with pytest.raises(LoadError, match=next(iter(wrong))):
            Plan(**wrong)
    with pytest.raises(LoadError, match="form"):
        Target("https://127.0.0.1")


def test_it_stops_by_itself_when_its_time_is_over() -> None:
    """Nobody has to stop it."""

    async def work() -> None:
        async with serving(good) as server:
            plan = replace(NOBODY, fresh=1, seconds=0.2)
            async with Load(target(server.port), plan) as load:
                await asyncio.wait_for(load.finished(), PATIENCE)

    run(work())


# In a process of its own


@contextlib.contextmanager
def standin(folder: Path) -> Any:
    """The stand-in, as the good server that knows all kinds of request."""
    environment = {
        **os.environ,
        "GRAFANA_VERSION": "12.4",
        "GF_PATHS_DATA": str(folder),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": "0",
        "STANDIN_BOOT_SECONDS": "0",
    }
    command = [sys.executable, "-m", "evidence.standin"]
    with subprocess.Popen(
        command, cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = next(line for line in process.stdout if "msg=listening" in line)
        try:
            yield int(line.partition("port=")[2].split()[0])
        finally:
            process.kill()


SHORT = {"slow_path": "/slow?seconds=0.1", "download_path": "/download?megabytes=0.5"}


def test_every_kind_of_client_runs_beside_a_caller_that_does_something_else(
    tmp_path: Path,
) -> None:
    """In its own process: no failure against a good service, and all writes are found."""
    with standin(tmp_path) as port:
        with running(Target(f"http://127.0.0.1:{port}", **SHORT)) as load:  # type: ignore[arg-type]
            first = load.snapshot()
            while (busy := load.snapshot()).requests < first.requests + 500:
                pass
        report = load.report
    assert report.failed_total == 0, report.summary()
    assert report.requests >= busy.requests > 500
    assert set(report.answered) == {"fresh", "keepalive", "post", "slow", "download", "websocket"}
    assert report.websockets == Websockets(opened=4, cut=0)
    assert report.writes.verified
    assert report.writes.acknowledged > 0


def test_the_caller_learns_that_the_process_ended() -> None:
    """A load that no longer exists is an error, not a report without failures."""
    aim = Target("http://127.0.0.1:1", count_writes=None)
    with (
        pytest.raises(LoadError, match="the load's process ended with -9"),
        running(aim, replace(NOBODY, fresh=1)) as load,
    ):
        load._process.kill()


def test_a_function_that_no_other_process_can_import_is_refused() -> None:
    """The process would have to find it by its name."""
    aim = Target("http://127.0.0.1:1", count_writes=lambda _, __: {})
    with pytest.raises(LoadError, match="not a function that another process can import"):
        as_arguments(aim, NOBODY)


def test_by_hand_it_ends_at_sigterm_with_a_report(tmp_path: Path) -> None:
    """The report is printed for people and written as JSON; failures make exit code 1."""
    out = tmp_path / "report.json"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        aim = Target(f"http://127.0.0.1:{taken.getsockname()[1]}", count_writes=None)
        arguments = as_arguments(aim, replace(NOBODY, fresh=1, seconds=0.3))
        ended = subprocess.run(
            [sys.executable, "-m", "evidence.load", *arguments, "--json-out", str(out)],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    report = Report.from_json(out.read_text())
    assert ended.returncode == 1
    assert report.failed["fresh"]["refused"] == report.failed_total > 0
    assert ended.stdout.strip() == report.summary()
    assert json.loads(out.read_text())["failed_total"] == report.failed_total


def test_sigterm_ends_it_with_its_report(tmp_path: Path) -> None:
    """It does not run on when nobody wants it any more."""
    with standin(tmp_path) as port:
        command = [sys.executable, "-m", "evidence.load", "--controlled"]
        arguments = as_arguments(target(port, page_contains=""), replace(NOBODY, fresh=1))
        with subprocess.Popen(
            [*command, *arguments],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "under way\n"
            process.send_signal(signal.SIGTERM)
            report = Report.from_json(process.stdout.readline())
            assert process.wait(PATIENCE) == 0
    assert report.failed_total == 0
    assert report.requests > 0


def test_a_report_survives_its_way_through_json() -> None:
    """What one process writes the other reads, all fields of it."""
    report = Report(
        started=1.5,
        seconds=2.0,
        requests=3,
        answered={"fresh": 2},
        failed={"fresh": {"reset": 1}},
        by_color={"blue": 2},
        websockets=Websockets(2, 1, 5.2),
        writes=Writes(5, 4, 1, 2, verified=True),
        reopened=7,
        latency_p50=0.1,
        latency_p99=0.2,
        examples=("one", "two"),
        timeline={0: {"blue": 2}},
        failures={1: {"fresh reset": 1}},
        begun=5.5,
        switches=(Seen("green", 1.0, 1.1, 1.2),),
        latencies={3: {-200: 7}},
        stalls=Stalls(1, 0.25),
    )
    assert Report.from_json(report.to_json()) == report
