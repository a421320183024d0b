"""How a Pulumi program ends at SIGINT: real processes, with the real SDK, and no engine."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# As the language host's script sets the SDK up. Nothing listens there, and nothing asks.
IN_A_PROGRAM = """
import asyncio, os, signal, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
import pulumi
from pulumi.runtime import Settings, configure
from bluegreen.resources.interrupt import end_quietly
configure(Settings(project="p", stack="s", monitor="127.0.0.1:9", engine="127.0.0.1:9"))
"""
OUTSIDE = IN_A_PROGRAM.replace(IN_A_PROGRAM.splitlines()[-1], "")
READY = "print('ready')"
# In short naps: a signal that comes just before a sleep begins is looked at after it.
A_WHILE = "[time.sleep(0.1) for _ in range(200)]"
WAIT_FOREVER = "threading.Event().wait()"
CATCHES = f"try: {READY}; {A_WHILE}\nexcept KeyboardInterrupt: print('caught')"


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    # What starts the tests may ignore Ctrl-C, and would hand that on to the programs.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def program(*lines: str) -> Iterator["subprocess.Popen[str]"]:
    """A program that runs these lines; entered once it has printed its first line."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", "\n".join(lines)],  # -u as the language host does
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def interrupted(*lines: str) -> tuple[int, str, str]:
    """Exit code, the rest of the output and the errors of a program that gets one SIGINT."""
    with program(*lines) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(WAIT_FOREVER, id="in plain code"),
        pytest.param("asyncio.new_event_loop().run_forever()", id="in its event loop"),
        pytest.param(
            "subprocess.Popen('cat', stdin=subprocess.PIPE, stdout=subprocess.DEVNULL).wait()",
            id="in a command",
        ),
        pytest.param(
            f"with ThreadPoolExecutor() as pool: pool.submit(lambda: {WAIT_FOREVER})",
            id="in a wait for a thread that waits for the engine",
        ),
        pytest.param(
            f"threading.Thread(target=lambda: {WAIT_FOREVER}).start(); sys.exit(0)",
            id="after its last line",
        ),
    ],
)
def test_an_interrupted_program_ends_quietly_and_never_with_0(wait: str) -> None:
    """No word of its own, wherever it is."""
    quiet = f"end_quietly(); {READY}"
    assert interrupted(IN_A_PROGRAM, quiet, wait) == (-signal.SIGINT, "", "")


def test_outside_a_program_an_interrupt_stays_what_it_was() -> None:
    """A command line, or a test on mocks, catches it as KeyboardInterrupt."""
    said = interrupted(OUTSIDE, "end_quietly()", CATCHES)
    assert said == (0, "caught\n", "")


def test_a_handler_of_the_programs_own_stays() -> None:
    """Who has said what an interrupt does is not overruled."""
    own = "signal.signal(signal.SIGINT, lambda *_: os._exit(7))"
    said = interrupted(IN_A_PROGRAM, own, f"end_quietly(); {READY}; {A_WHILE}")
    assert said == (7, "", "")


def test_a_program_that_runs_inline_is_left_alone() -> None:
    """The Automation API runs it in a thread of somebody else's process."""
    lines = (
        "from contextvars import copy_context",
        "inline = threading.Thread(target=copy_context().run, args=(end_quietly,))",
        "inline.start(); inline.join()",
        CATCHES,
    )
    assert interrupted(IN_A_PROGRAM, *lines) == (0, "caught\n", "")


def test_the_command_line_ends_quietly_while_it_still_loads() -> None:
    """And afterwards an interrupt is what it was: an exception that each command answers."""
    lines = (
        "import signal, sys, time, types",
        "from bluegreen.cli.entry import main",
        "class Loading(types.ModuleType):",
        f"    def __getattr__(self, name): {READY}; {A_WHILE}",
        "sys.modules['bluegreen.cli.app'] = Loading('bluegreen.cli.app')",
        "main()",
    )
    assert interrupted(*lines) == (-signal.SIGINT, "", "")
    loaded = (
        "import signal, sys, types",
        "from bluegreen.cli.entry import main",
        "sys.modules['bluegreen.cli.app'] = app = types.ModuleType('bluegreen.cli.app')",
        "app.main = lambda: print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
        "main()",
    )
    said = subprocess.run(
        [sys.executable, "-c", "\n".join(loaded)], capture_output=True, text=True, check=True
    )
    assert said.stdout == "True\n"
