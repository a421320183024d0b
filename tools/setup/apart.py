"""A command in another root, in namespaces of its own: mounts, processes, network.

What it starts, daemons too, ends with it. Its network is a program on this machine (slirp4netns)
that connects as any other program does, so nothing on this machine is configured for it.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.setup.commands import tail
from tools.setup.errors import ToolchainError

SCRIPT = Path(__file__).with_suffix(".sh")
NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child")
# Before a command: it is killed when the thread that started it ends, killed or not.
MORTAL = ("setpriv", "--pdeathsig", "KILL")
RESOLVER = "10.0.2.3"
"""The name server in there: slirp4netns's, which asks this machine's."""


@contextmanager
def running_apart(
    root: Path, folder: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The command's process, with a network; after the block nothing of it runs.

    It runs in `folder` of `root` and prints where this process does. `log` is the network's.
    """
    ready, told = os.pipe()
    words = [*MORTAL, "unshare", *NAMESPACES, str(SCRIPT), str(told), str(root), folder, *command]
    process = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.PIPE,
        pass_fds=[told],
        start_new_session=True,  # Ctrl-C is for the one who ends it
    )
    os.close(told)
    try:
        if not was_told(ready):
            raise ToolchainError("The fresh root could not be entered; see above.")
        with network_of(first_below(process), log):
            assert process.stdin is not None
            with process.stdin as go:
                go.write(b"\n")
            yield process
    finally:
        if process.poll() is None:
            end_with_all_below(process)


def end_with_all_below(process: subprocess.Popen[bytes]) -> None:
    """Kill `unshare`, which takes process 1 of the namespace with it, and that one all others."""
    first = None
    with suppress(OSError, IndexError):  # not begun, or over
        first = os.pidfd_open(first_below(process))
    process.kill()
    process.wait()
    if first is not None:
        select.select([first], [], [])
        os.close(first)


@contextmanager
def network_of(pid: int, log: Path) -> Iterator[None]:
    """A way out of a process's network namespace, for as long as the block lasts."""
    ready, told = os.pipe()
    words = [*MORTAL, "slirp4netns", "--configure", "--disable-host-loopback"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*words, f"--ready-fd={told}", str(pid), "tap0"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=[told],
        )
    os.close(told)
    try:
        if not was_told(ready):
            raise ToolchainError(f"The fresh root has no network. slirp4netns said:\n{tail(log)}")
        yield
    finally:
        process.terminate()
        process.wait()


def was_told(pipe: int) -> bool:
    """Wait for a word on a pipe; False if its writer ended without one."""
    with os.fdopen(pipe, "rb") as said:
        return said.read(1) != b""


def first_below(process: subprocess.Popen[bytes]) -> int:
    """The one child of `unshare`: process 1 of the namespace, as this machine numbers it."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
