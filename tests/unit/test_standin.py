"""The stand-in for Grafana, run as the process that it is in its container."""

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

REPO = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds: only ever used up by a test that fails."""


class StandIn:
    """A running stand-in: its log so far, and a client for it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self.port = 0

    def log_until(self, wanted: str) -> str:
        """Read the log up to the first line that has this in it."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(line.rstrip())
            if wanted in line:
                return line
        raise AssertionError(f"no {wanted!r} in the log: {self.log}")

    def listening(self) -> "StandIn":
        """Wait until the port is open."""
        line = self.log_until("msg=listening")
        self.port = int(line.partition("port=")[2].split()[0])
        return self

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask for anything, on a new connection."""
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.request(method, url, trust_env=False, **{"timeout": PATIENCE, **more})

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Ask for a page."""
        return self.request("GET", path, **more)

    def save(self, uid: str, client_id: str = "", **more: Any) -> httpx.Response:
        """Write a dashboard."""
        body = {"dashboard": {"uid": uid, "title": uid}, "client_id": client_id}
        return self.request("POST", "/api/dashboards/db", json=body, **more)

    def stop(self) -> int:
        """Ask it to stop; return the exit code, with the log complete."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self) -> int:
        """Wait for the end; return the exit code, with the log complete."""
        assert self.process.stdout
        self.log += [line.rstrip() for line in self.process.stdout]
        return self.process.wait(PATIENCE)


Start = Callable[..., StandIn]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts stand-ins on one data folder and on free ports; ends them all."""
    with contextlib.ExitStack() as stack:

        def start_one(version: str = "12.4", **settings: str) -> StandIn:
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("GF_", "STANDIN_"))}
            environment = {
                **clean,
                "GRAFANA_VERSION": version,
                "GF_PATHS_DATA": str(tmp_path),
                "GF_SERVER_HTTP_ADDR": "127.0.0.1",
                "GF_SERVER_HTTP_PORT": "0",
                "STANDIN_BOOT_SECONDS": "0",
                **settings,
            }
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "evidence.standin"],
                    cwd=REPO,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return StandIn(process)

        yield start_one


@contextlib.contextmanager
def raw(standin: StandIn) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", standin.port), PATIENCE) as connection:
        yield connection


def websocket_url(standin: StandIn) -> str:
    return f"ws://127.0.0.1:{standin.port}/api/live/ws"


# What it is


def test_it_says_that_it_is_a_stand_in_wherever_somebody_looks(start: Start) -> None:
    """The log's first line, the page and a header of every answer say so, errors included."""
    standin = start(BLUEGREEN_COLOR="green").listening()
    assert "stand-in for Grafana, not Grafana" in standin.log[0]
    page = standin.get("/")
    assert "stand-in for Grafana" in page.text
    assert '<dd id="version">12.4.0</dd>' in page.text
    assert '<dd id="color">green</dd>' in page.text
    for answer in (page, standin.get("/api/health"), standin.get("/nowhere")):
        assert answer.headers["X-Stand-In"] == "stand-in for Grafana 12.4.0"


def test_health_has_the_shape_of_grafanas(start: Start) -> None:
    """Exactly commit, database and version, the version in three parts."""
    health = start("12.3").listening().get("/api/health")
    assert health.status_code == 200
    assert set(health.json()) == {"commit", "database", "version"}
    assert health.json()["database"] == "ok"
    assert health.json()["version"] == "12.3.0"


def test_a_hidden_version_is_nowhere_in_health_or_headers(start: Start) -> None:
    """With hide_version health is the database's state only."""
    standin = start(GF_AUTH_ANONYMOUS_HIDE_VERSION="true").listening()
    health = standin.get("/api/health")
    assert health.json() == {"database": "ok"}
    assert "12.4" not in health.headers["X-Stand-In"]


# Boot and settings


def test_the_port_is_refused_while_it_boots(start: Start) -> None:
    """As the real one, it opens its port only when it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    standin = start(STANDIN_BOOT_SECONDS="0.5", GF_SERVER_HTTP_PORT=str(port))
    standin.log_until("msg=starting")
    standin.port = port
    with pytest.raises(httpx.ConnectError):
        standin.get("/api/health")
    assert standin.listening().get("/api/health").status_code == 200


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"STANDIN_BOOT_SECOND": "1"}, "not a known setting: STANDIN_BOOT_SECOND"),
        ({"STANDIN_BOOT_SECONDS": "soon"}, "STANDIN_BOOT_SECONDS='soon' is not a number"),
        ({"STANDIN_FAIL_REQUESTS": "2"}, "STANDIN_FAIL_REQUESTS='2' is not a number from 0 to 1"),
        ({"STANDIN_HEALTH": "bad"}, "STANDIN_HEALTH='bad' is not known"),
        ({"STANDIN_HEALTH": "slow"}, "STANDIN_HEALTH='slow' is not known"),
        ({"GRAFANA_VERSION": "latest"}, "GRAFANA_VERSION='latest' is not a version"),
        ({"GF_SERVER_HTTP_PORT": "http"}, "http_port = http is not a port"),
        ({"GF_PATHS_CONFIG": "/nowhere.ini"}, "/nowhere.ini cannot be read"),
        ({"GF_PATHS_DATA": "/nowhere"}, "cannot use the database /nowhere/grafana.db"),
        ({"GF_X_Y": "1", "GF_SECURITY_ADMIN_USER__FILE": "/no"}, "_USER__FILE=/no cannot be read"),
        (
            {"GF_SECURITY_SECRET_KEY": "a", "GF_SECURITY_SECRET_KEY__FILE": "b"},
            "both GF_SECURITY_SECRET_KEY and GF_SECURITY_SECRET_KEY__FILE are set",
        ),
    ],
)
def test_a_wrong_setting_stops_it_with_a_reason(
    start: Start, settings: dict[str, str], reason: str
) -> None:
    """It exits 1, and its last line names the setting and the value."""
    standin = start(**settings)
    assert standin.end() == 1
    assert reason in standin.log[-1]


def test_a_directory_in_place_of_the_ini_is_named_as_what_it_is(
    start: Start, tmp_path: Path
) -> None:
    """Docker makes one where a mount's source is missing."""
    (tmp_path / "grafana.ini").mkdir()
    standin = start(GF_PATHS_CONFIG=str(tmp_path / "grafana.ini"))
    assert standin.end() == 1
    assert "grafana.ini is a directory, not a file" in standin.log[-1]


def test_the_ini_is_read_and_the_environment_overrides_it(start: Start, tmp_path: Path) -> None:
    """File, then variable, then a file that a variable names; all reach the page."""
    ini, secret = tmp_path / "grafana.ini", tmp_path / "motto"
    ini.write_text(
        "app_mode = production\n[server]\nroot_url = %(protocol)s://x\n[standin]\nmotto = From ini"
    )
    secret.write_text("From a <file>\n")
    path = str(ini)
    assert "From ini" in start(GF_PATHS_CONFIG=path).listening().get("/").text
    by_name = start(GF_PATHS_CONFIG=path, GF_STANDIN_MOTTO="From env").listening()
    assert "From env" in by_name.get("/").text
    by_file = start(GF_PATHS_CONFIG=path, GF_STANDIN_MOTTO__FILE=str(secret)).listening()
    assert "From a &lt;file&gt;" in by_file.get("/").text


def test_a_port_that_is_taken_stops_it_with_a_reason(start: Start) -> None:
    """The second on one port exits 1 and names address and port."""
    first = start().listening()
    second = start(GF_SERVER_HTTP_PORT=str(first.port))
    assert second.end() == 1
    assert f"cannot listen on 127.0.0.1:{first.port}" in second.log[-1]


# Database


def test_a_new_version_migrates_the_file_and_the_old_one_goes_on_with_it(
    start: Start, tmp_path: Path
) -> None:
    """Migrations only add: both versions write to the file afterwards, and read each other."""
    old = start("12.3").listening()
    assert old.save("before").status_code == 200
    new = start("12.4").listening()
    assert "steps=12.4" in new.log[-2]
    assert old.save("by-old").status_code == 200
    assert new.save("by-new").status_code == 200
    found = [{row["uid"] for row in each.get("/api/search").json()} for each in (old, new)]
    assert found == [{"before", "by-old", "by-new"}] * 2
    with contextlib.closing(sqlite3.connect(tmp_path / "grafana.db")) as file:
        columns = {row[1] for row in file.execute("PRAGMA table_info(dashboard)")}
    assert {"added_in_12_3", "added_in_12_4"} <= columns


def test_an_old_version_starts_on_the_file_of_a_newer_one(start: Start) -> None:
    """A rollback finds nothing to migrate and serves what the newer one wrote."""
    start("12.4").listening().save("kept")
    old = start("12.3").listening()
    assert "nothing to migrate" in old.log[-2]
    assert old.get("/api/dashboards/uid/kept").status_code == 200


def test_two_migrations_at_once_are_refused(start: Start) -> None:
    """The second one exits 1 and says why; the first one goes on."""
    first = start(STANDIN_MIGRATION_SECONDS="60")
    first.log_until("migration starts")
    second = start()
    assert second.end() == 1
    assert "another instance migrates" in second.log[-1]
    assert first.process.poll() is None


def test_a_migration_killed_half_way_leaves_the_file_as_it_was(start: Start) -> None:
    """Nothing of it is kept, and it does not block the next one."""
    start("12.3").listening().save("kept")
    killed = start("12.4", STANDIN_MIGRATION_SECONDS="60")
    killed.log_until("migration starts")
    killed.process.kill()
    killed.end()
    again = start("12.4").listening()
    assert "steps=12.4" in again.log[-2]
    assert again.get("/api/dashboards/uid/kept").status_code == 200


def test_a_write_that_was_sent_twice_is_found(start: Start) -> None:
    """Both are stored, and every way to read it tells that it is there twice."""
    standin = start().listening()
    assert standin.save("d1", "write-1").json()["writes"] == 1
    again = standin.save("d1", "write-1").json()
    assert (again["writes"], again["version"]) == (2, 2)
    meta = standin.get("/api/dashboards/uid/d1").json()["meta"]
    assert meta == {"writes": 2, "writes_by_client_id": {"write-1": 2}}
    assert standin.get("/api/search?query=d").json()[0]["writes"] == 2
    assert standin.get("/api/search?query=other").json() == []


def test_search_comes_in_pages(start: Start) -> None:
    """Limit and page cut the sorted list; a wildcard in the query is a plain character."""
    standin = start().listening()
    for uid in ("a%1", "a%2", "a%3", "b"):
        standin.save(uid)
    pages = [standin.get(f"/api/search?query=a%25&limit=2&page={n}").json() for n in (1, 2, 3)]
    assert [[row["uid"] for row in page] for page in pages] == [["a%1", "a%2"], ["a%3"], []]


def test_a_session_outlives_a_switch_if_the_secret_key_is_the_same(start: Start) -> None:
    """Sessions live in the shared database, bound to the secret key."""
    blue = start("12.3").listening()
    login = {"user": "admin", "password": "admin"}
    cookies = blue.request("POST", "/login", json=login).cookies
    assert blue.get("/api/user").status_code == 401
    assert blue.get("/api/user", cookies=dict(cookies)).json()["login"] == "admin"
    assert start("12.4").listening().get("/api/user", cookies=dict(cookies)).status_code == 200
    other_key = start(GF_SECURITY_SECRET_KEY="another").listening()
    assert other_key.get("/api/user", cookies=dict(cookies)).status_code == 401
    wrong = blue.request("POST", "/login", data={"user": "admin", "password": "?"})
    assert (wrong.status_code, wrong.cookies.get("grafana_session")) == (401, None)


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://grafana.example:3003", "grafana.example:3003", 200),
        ("https://grafana.example", "grafana.example", 200),
        ("http://grafana.example:3003", "grafana.example", 403),
        ("http://evil.example", "grafana.example", 403),
        ("null", "grafana.example", 403),
    ],
)
def test_a_write_from_another_origin_is_refused(
    start: Start, origin: str, host: str, status: int
) -> None:
    """As in Grafana, a proxy that does not pass the Host header on breaks every write."""
    answer = start().listening().save("d", headers={"Origin": origin, "Host": host})
    assert answer.status_code == status
    assert ("origin not allowed" in answer.text) == (status == 403)


# The rest of the surface


def test_whoami_tells_what_arrived(start: Start) -> None:
    """Headers in their own spelling, so that a test can see what a proxy made of them."""
    headers = {"X-Real-IP": "192.0.2.1", "Host": "grafana.example"}
    seen = start().listening().get("/whoami", headers=headers).json()
    assert seen["headers"]["X-Real-IP"] == "192.0.2.1"
    assert seen["headers"]["Host"] == "grafana.example"
    assert (seen["version"], seen["remote_address"]) == ("12.4.0", "127.0.0.1")


def test_a_download_has_its_length_and_digest(start: Start) -> None:
    """Its content is the same every time, and the header Repr-Digest fits to it."""
    standin = start().listening()
    first, second = (standin.get("/download?megabytes=0.3") for _ in range(2))
    assert len(first.content) == int(0.3 * 1024 * 1024)
    assert first.content == second.content
    digest = base64.b64encode(hashlib.sha256(first.content).digest()).decode()
    assert first.headers["Repr-Digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("kb", [20, 32, 60])
def test_headers_are_as_big_as_asked_for(start: Start, kb: int) -> None:
    """They look like the end of an OAuth login, and no client keeps their cookies."""
    standin = start().listening()
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"http://127.0.0.1:{standin.port}/big-header?kb={kb}")
        assert not client.cookies
    size = sum(len(name) + len(value) for name, value in answer.headers.multi_items())
    assert kb * 1024 <= size < (kb + 4) * 1024
    assert answer.status_code == 302


def test_echo_takes_bodies_of_known_and_of_unknown_length(start: Start) -> None:
    """A body with a length and the same in chunks have one digest."""
    standin = start().listening()
    body = os.urandom(300_000)
    wanted = {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}
    assert standin.request("POST", "/echo", content=body).json() == wanted
    parts = (body[n : n + 70_000] for n in range(0, len(body), 70_000))
    assert standin.request("POST", "/echo", content=parts).json() == wanted


def test_requests_share_a_connection_and_may_be_sent_ahead(start: Start) -> None:
    """Two requests sent at once on one connection are answered one after the other."""
    with raw(start().listening()) as connection:
        connection.sendall(
            b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n"
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, second = received.split(b"\r\n\r\n", 1)
    assert b"200 OK" in head
    assert b"keep-alive" in head
    assert second.startswith(b"HTTP/1.1 404")
    assert b"Connection: close" in second


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"400"),
        (b"GET /slow?seconds=long HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000, b"431"),
    ],
)
def test_what_is_not_a_proper_request_is_told_so(
    start: Start, request_: bytes, status: bytes
) -> None:
    """A broken request gets a status, and the next client is served."""
    standin = start().listening()
    with raw(standin) as connection:
        connection.sendall(request_)
        assert connection.recv(65536).split(b" ")[1] == status
    assert standin.get("/api/health").status_code == 200


# WebSockets


def test_the_live_channel_greets_ticks_echoes_and_closes(start: Start) -> None:
    """Version first, one tick a second, text back, pings answered, a clean close."""
    standin = start(BLUEGREEN_COLOR="blue").listening()
    with connect(websocket_url(standin), proxy=None, close_timeout=PATIENCE) as live:
        hello = json.loads(live.recv(PATIENCE))
        assert (hello["type"], hello["version"], hello["color"]) == ("hello", "12.4.0", "blue")
        live.send("x" * 70_000)
        assert live.recv(PATIENCE) == "x" * 70_000
        live.send(["in ", "two parts"])
        assert live.recv(PATIENCE) == "in two parts"
        assert live.ping().wait(PATIENCE)
        assert json.loads(live.recv(PATIENCE))["type"] == "tick"
    assert live.close_code == 1000


def test_a_handshake_without_upgrade_is_refused(start: Start) -> None:
    """That is what arrives from a proxy that does not forward the upgrade headers."""
    standin = start().listening()
    answer = standin.get("/api/live/ws")
    assert answer.status_code == 400
    assert "Upgrade header" in answer.text
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            websocket_url(standin), proxy=None, additional_headers={"Origin": "http://evil.example"}
        )


# Failure modes


def health_codes(standin: StandIn, count: int) -> list[int]:
    return [standin.get("/api/health").status_code for _ in range(count)]


def test_health_fails_in_the_ways_that_it_is_told_to(start: Start) -> None:
    """Always, every second time, or late; other requests do not care."""
    failing = start(STANDIN_HEALTH="failing").listening()
    assert health_codes(failing, 3) == [503] * 3
    assert failing.get("/api/health").json()["database"] == "failing"
    assert failing.get("/").status_code == 200
    assert health_codes(start(STANDIN_HEALTH="flap").listening(), 4) == [200, 503, 200, 503]
    begun = time.monotonic()
    assert health_codes(start(STANDIN_HEALTH="slow:0.4").listening(), 1) == [200]
    assert time.monotonic() - begun >= 0.4


def test_health_that_hangs_never_answers_and_still_stops(start: Start) -> None:
    """The connection is taken, the answer never comes; a stop is not held up by it."""
    standin = start(STANDIN_HEALTH="hang").listening()
    with raw(standin) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert standin.stop() == 0


def test_health_says_503_while_it_is_starting(start: Start) -> None:
    """The port is open, the service not ready yet, then it is."""
    standin = start(STANDIN_STARTING_SECONDS="1.5").listening()
    assert health_codes(standin, 1) == [503]
    deadline = time.monotonic() + PATIENCE
    while health_codes(standin, 1) != [200]:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("seconds", ["0", "0.5"])
def test_it_crashes_when_told_to_and_says_so(start: Start, seconds: str) -> None:
    """Exit code 1 and a log whose tail tells the reason, while booting or while serving."""
    standin = start(STANDIN_EXIT_AFTER=seconds)
    assert standin.end() == 1
    assert "STANDIN_EXIT_AFTER" in standin.log[-1]
    assert any("listening" in line for line in standin.log) == (seconds != "0")


def test_it_lies_about_its_version_when_told_to(start: Start) -> None:
    """Health reports another version than the image's."""
    health = start(STANDIN_REPORT_VERSION="9.9.9").listening().get("/api/health")
    assert health.json()["version"] == "9.9.9"


def test_a_share_of_the_requests_fails_but_never_health(start: Start) -> None:
    """The share is exact, so that whoever counts knows what to find."""
    standin = start(STANDIN_FAIL_REQUESTS="0.25").listening()
    codes = [standin.get("/").status_code for _ in range(8)]
    assert codes == [200, 200, 200, 500] * 2
    assert health_codes(standin, 4) == [200] * 4


def test_requests_hang_while_health_is_good(start: Start) -> None:
    """As a service whose workers all wait for something."""
    standin = start(STANDIN_HANG_REQUESTS="1").listening()
    with pytest.raises(httpx.TimeoutException):
        standin.get("/", timeout=1)
    assert health_codes(standin, 2) == [200] * 2


def test_requests_begin_to_fail_after_a_time(start: Start) -> None:
    """A release that passes its gate and goes bad under traffic."""
    standin = start(STANDIN_FAIL_AFTER="1.5").listening()
    assert standin.get("/").status_code == 200
    deadline = time.monotonic() + PATIENCE
    while standin.get("/").status_code == 200:
        assert time.monotonic() < deadline
    assert health_codes(standin, 1) == [200]


# The stop


def head(connection: socket.socket) -> bytes:
    """Ask for a head and return it: once it is here, all that was sent before has arrived."""
    connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(65536)


def test_a_stop_finishes_what_was_asked_and_takes_nothing_new(start: Start) -> None:
    """SIGTERM: the request in flight is answered, what is idle is closed, exit code 0."""
    standin = start().listening()
    with (
        raw(standin) as busy,
        raw(standin) as idle,
        connect(websocket_url(standin), proxy=None) as live,
    ):
        assert head(busy).startswith(b"HTTP/1.1 200")
        busy.sendall(b"GET /slow?seconds=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head(idle).startswith(b"HTTP/1.1 200")
        standin.process.send_signal(signal.SIGTERM)
        assert "in_flight=2 idle=1" in standin.log_until("msg=stopping")
        assert idle.recv(1) == b""
        with pytest.raises(httpx.ConnectError):
            standin.get("/")
        for _ in live:
            pass  # its last ticks, until it is closed
        answer = busy.recv(65536)
    assert live.close_code == 1001
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    assert standin.end() == 0


def test_a_stop_does_not_wait_for_ever(start: Start) -> None:
    """What is not finished in time is cut off, and the log counts it."""
    standin = start(STANDIN_SHUTDOWN_SECONDS="0.2").listening()
    with raw(standin) as busy, raw(standin) as idle:
        head(busy)
        busy.sendall(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: x\r\n\r\n")
        head(idle)
        assert standin.stop() == 0
    assert any("requests cut off" in line and "count=1" in line for line in standin.log)


def test_a_stop_ends_a_boot(start: Start) -> None:
    """As process 1 of a container it must heed the signal at any time."""
    standin = start(STANDIN_BOOT_SECONDS="60")
    standin.log_until("msg=starting")
    assert standin.stop() == 0
    assert "stopped while booting" in standin.log[-1]
