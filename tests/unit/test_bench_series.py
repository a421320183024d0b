"""A series of switches, driven against a quick local server whose color a file tells."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import evidence.load as load
from evidence.bench.series import Series, Stopped, drive

QUICK = load.Plan(fresh=1, keepalive=1, post=0, slow=0, download=0, websocket=0)
PAUSE = 0.7
"""Longer than the silence after which a color that answers again has been switched to."""


@dataclass
class Edge:
    """Its URL, and the file that holds the color."""

    url: str
    color: Path

    @property
    def target(self) -> load.Target:
        """All but the page is left out."""
        return load.Target(
            self.url,
            page_contains="",
            post_path=None,
            slow_path=None,
            download_path=None,
            websocket_path=None,
        )

    def flip(self, _number: int = 0) -> None:
        """Switch."""
        self.color.write_text("green" if self.color.read_text() == "blue" else "blue")


@contextmanager
def serving(color: Path) -> Iterator[Edge]:
    color.write_text("blue")

    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            # Read while it is written it is empty, which no client may see.
            self.send_header("X-Served-By", f"{color.read_text() or 'blue'} 1.0")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Edge(f"http://127.0.0.1:{server.server_address[1]}", color)
        server.shutdown()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """An edge that answers blue."""
    with serving(tmp_path / "color") as made:
        yield made


def three(edge: Edge, switch: Callable[[int], object] | str, plan: load.Plan = QUICK) -> Series:
    return drive(edge.target, plan, switch, 3, pause=PAUSE)


def test_each_switch_is_told_with_its_own_times(edge: Edge) -> None:
    """From the command's start to the first new and the last old answer, and to its end."""
    asked: list[int] = []

    def switch(number: int) -> None:
        asked.append(number)
        time.sleep(0.1)
        edge.flip()
        time.sleep(0.2)

    series = three(edge, switch)
    assert asked == [each.number for each in series.switches] == [1, 2, 3]
    assert [each.seen.color for each in series.switches if each.seen] == ["green", "blue", "green"]
    for each in series.switches:
        assert each.ok
        assert each.first_new_s is not None
        assert each.last_old_s is not None
        # What was sent just before the flip may be answered after it: it is told by its sending.
        assert each.first_new_s >= 0.05
        assert each.last_old_s < each.first_new_s + 0.5
        assert each.command_s >= 0.3
    found = series.to_dict()
    assert found["switches"] == found["switches_seen"] == 3
    assert set(found["failed"].values()) == {0}
    assert found["latency_ms"]["switch"]["p99"] >= found["latency_ms"]["switch"]["p50"] > 0


def test_a_shell_command_switches_too(edge: Edge) -> None:
    """It stands for any way of deploying."""
    series = drive(edge.target, QUICK, f"printf green > {edge.color}", 1, pause=PAUSE)
    (one,) = series.switches
    assert one.seen
    assert one.seen.color == "green"


def test_a_switch_that_fails_ends_the_series_with_what_was_found_until_then(edge: Edge) -> None:
    """The message says why and how far it came; nothing that was counted is lost."""

    def switch(number: int) -> None:
        if number == 2:
            raise OSError("no such edge")
        edge.flip()

    with pytest.raises(Stopped, match=r"no such edge; found until then: switches 1, req"):
        three(edge, switch)
    edge.color.write_text("blue")
    command = f"echo not today; test -s {edge.color}.never"
    with pytest.raises(
        Stopped, match=r"never` ended with 1: not today; found until then: switches 0"
    ) as stopped:
        three(edge, command)
    (one,) = stopped.value.series.switches
    assert not one.ok
    assert one.seen is None
    found = stopped.value.series.to_dict()
    assert found["switches"] == 0
    assert found["requests"] > 0


def test_a_series_that_outlives_its_load_is_stopped(edge: Edge) -> None:
    """Switches that nobody asked anything during have lost nothing, which says nothing."""
    with pytest.raises(Stopped, match=r"the load's 1 s are over; found until then: switches [12]"):
        three(edge, edge.flip, replace(QUICK, seconds=1.0))


def test_it_goes_on_until_there_were_enough_requests(edge: Edge) -> None:
    """And tells how far it has come."""
    told: list[str] = []
    series = drive(
        edge.target, QUICK, edge.flip, 1, least_requests=300, pause=0.2, told=told.append
    )
    assert series.report.requests >= 300
    assert len(series.switches) > 1
    assert told[-1].startswith(f"{len(series.switches)} switches of 1, ")


def test_matplotlib_is_loaded_only_by_who_draws() -> None:
    """Half a second that no other command has to wait."""
    code = "import sys, evidence.bench.chart; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
