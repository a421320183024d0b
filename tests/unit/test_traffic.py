"""Real traffic, counted from lines of the edge's log."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bluegreen.config.settings import Bake, Docker, Place
from bluegreen.edge.traffic import Count, Traffic
from tests.unit.conftest import FakeDocker

BAKE = Bake(seconds=10, max_error_share=0.1, min_requests=10)


def line(status: int = 200, generation: int = 5, port: int = 80, **more: Any) -> str:
    """One line as nginx's log format writes it."""
    entry = {"time": "2031-01-02T03:04:05+00:00", "port": port, "generation": generation}
    return json.dumps(entry | {"status": status, "seconds": 0.01} | more, separators=(",", ":"))


@contextmanager
def counted(fake: FakeDocker, *lines: str | bytes, bake: Bake = BAKE) -> Iterator[Traffic]:
    """The traffic after these lines, all of them read."""
    log = fake.folder / "log"
    log.write_bytes(b"".join(x.encode() + b"\n" if isinstance(x, str) else x for x in lines))
    fake.does("logs", f"exec cat '{log}'")
    with Traffic([Place("shop-edge", Docker())], 5, bake) as traffic:
        assert traffic.ended.wait(20)
        yield traffic


def test_the_edges_log_is_followed_from_now_on(fake_docker: FakeDocker) -> None:
    """What was served before the switch says nothing about the target."""
    with counted(fake_docker):
        assert fake_docker.asked() == ["logs --follow --tail 0 shop-edge"]


def test_requests_of_this_generation_are_counted_and_5xx_among_them(
    fake_docker: FakeDocker,
) -> None:
    """4xx are the client's affair."""
    statuses = (200, 302, 404, 499, 500, 502, 599)
    with counted(fake_docker, *map(line, statuses)) as traffic:
        assert traffic.count == Count(requests=7, errors=3)


def test_the_preview_port_is_not_users_traffic(fake_docker: FakeDocker) -> None:
    """Somebody trying the idle color must not take a good release back."""
    lines = [line(500, port=8081)] * 50 + [line(500, port=8008)] * 50
    with counted(fake_docker, *lines) as traffic:
        assert traffic.count == Count()
        assert not traffic.suffers.is_set()


def test_requests_of_older_generations_are_kept_apart(fake_docker: FakeDocker) -> None:
    """They were answered by the outgoing color; those that end late were cut."""
    lines = [line(500, generation=4), line(200, generation=3), line(200), line(200, generation=6)]
    with counted(fake_docker, *lines) as traffic:
        assert traffic.count == Count(requests=1, errors=0)
        assert traffic.cut_since(0) == 2
        assert traffic.cut_since(float("inf")) == 0


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\n",
        b"2031/01/02 03:04:05 [warn] 7#7: *1 upstream sent too big header\n",
        b'{"time"\n',
        b'{"time":"2031-01-02T03:04:05+00:00"}\n',
        b'{"time":"x","port":80,"generation":5}\n',
        b'{"time":"x","port":80,"generation":5,"status":000}\n',
        b'{"level":"info","status":500,"port":80,"generation":5}\n',
        b"\xff\xfe\x00\n",
    ],
)
def test_lines_that_are_not_the_edges_do_not_end_the_watch(
    fake_docker: FakeDocker, noise: bytes
) -> None:
    """Its error log's lines stand between the requests; what comes after them counts too."""
    with counted(fake_docker, line(), noise, line(500)) as traffic:
        assert traffic.count == Count(requests=2, errors=1)


def test_a_request_whose_bytes_are_no_text_counts(fake_docker: FakeDocker) -> None:
    """Clients send what they like; a single odd User-Agent must not blind the bake."""
    odd = line(500, agent="AGENT").encode().replace(b"AGENT", b"caf\xe9\xff") + b"\n"
    with counted(fake_docker, line(), odd, line()) as traffic:
        assert traffic.count == Count(requests=3, errors=1)


@pytest.mark.parametrize(
    ("good", "bad", "suffers"),
    [(0, 9, False), (0, 10, True), (9, 1, False), (8, 2, True), (90, 10, False), (89, 11, True)],
)
def test_the_bakes_limit_is_judged_from_enough_requests_on(
    fake_docker: FakeDocker, good: int, bad: int, suffers: bool
) -> None:
    """More than a tenth of at least ten; exactly a tenth is allowed."""
    lines = [line()] * good + [line(503)] * bad
    with counted(fake_docker, *lines) as traffic:
        assert traffic.suffers.is_set() is suffers


def test_suffering_is_told_while_the_log_still_runs(fake_docker: FakeDocker) -> None:
    """The switch waits on this event: it goes back at once, not at the bake's end."""
    log = fake_docker.folder / "log"
    log.write_text(f"{line(500)}\n" * 10)
    fake_docker.does("logs", f"cat '{log}'; exec tail -f /dev/null")
    with Traffic([Place("shop-edge", Docker())], 5, BAKE) as traffic:
        assert traffic.suffers.wait(20)
        assert not traffic.ended.is_set()


def test_leaving_the_block_ends_docker_logs_and_its_thread(fake_docker: FakeDocker) -> None:
    """No process is left behind, whatever it was doing."""
    fake_docker.does("logs", "exec tail -f /dev/null")
    before = threading.active_count()
    with Traffic([Place("shop-edge", Docker())], 5, BAKE) as traffic:
        (process,) = traffic._logs
    assert process.poll() is not None
    assert threading.active_count() == before


def test_the_share_of_no_requests_is_zero() -> None:
    """A quiet night is no failure."""
    assert Count().share == 0
    assert not Count().exceeds(BAKE)
    assert Count(requests=4, errors=1).share == 0.25
