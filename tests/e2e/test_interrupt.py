"""What an interrupted program and an interrupted update say: their own words, no traceback."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import evidence.load as load
from evidence.lab.processes import wait_for
from evidence.lab.stacks import BLUEGREEN, Stack
from tests.e2e.conftest import CALM, StackMaker

SICK = {"env": {"STANDIN_HEALTH": "failing"}, "health": {"timeout": 1}}


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    # What starts the tests may ignore Ctrl-C, and would hand that on to what is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def open_request(stack: Stack) -> Iterator[None]:
    """A request that is in flight for longer than the drain."""
    with socket.create_connection(("127.0.0.1", stack.http_port)) as client:
        client.sendall(b"GET /slow?seconds=30 HTTP/1.1\r\nHost: a\r\n\r\n")
        yield


def test_a_failed_update_shows_no_traceback_of_the_program_that_it_interrupts(
    stack: Stack,
) -> None:
    """By `pulumi up` and `bluegreen deploy`: the gate's message, and nothing around it."""
    by_pulumi = stack.up_fails(active_color="green", green_version="12.4.0", **SICK)
    stack.configure(active_color="blue")
    by_bluegreen = stack.bluegreen("deploy", "12.4.0", "--yes")
    assert by_bluegreen.code == 1
    for said in (by_pulumi, by_bluegreen.output):
        assert "green 12.4.0 did not pass the health gate" in said
        assert "Traceback" not in said
        assert "KeyboardInterrupt" not in said
    assert stack.live() == ("blue", "12.3.0")


def test_ctrl_c_in_the_drain_ends_quietly_and_interrupts_nobody(make_stack: StackMaker) -> None:
    """Exit code 130; the release is confirmed by then."""
    stack = make_stack(drain_timeout=20)
    stack.up()
    deploy = [str(BLUEGREEN), "deploy", "12.4.0", "--yes", "--stack", stack.name]
    with load.running(stack.url, plan=CALM) as traffic:
        with open_request(stack):
            update = stack.start([*deploy, "--dir", str(stack.folder)])
            wait_for(lambda: "draining:" in stack.started_log.read_text(), 60, "the drain")
            os.killpg(update.pid, signal.SIGINT)
            assert update.wait(30) == 130
        said = stack.started_log.read_text()
        assert "the release of green 12.4.0 was interrupted" in said
        assert "now: green 12.4.0 keeps serving" in said
        assert "Traceback" not in said
        assert "KeyboardInterrupt" not in said
        assert stack.live() == ("green", "12.4.0")
    assert traffic.report.failed_total == 0, traffic.report.summary()
