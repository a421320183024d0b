"""Set-up: every step once, in order, and side by side where they do not need each other."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType

from tools.setup.choices import Choices
from tools.setup.daemon import ensure_docker
from tools.setup.images import ensure_images
from tools.setup.machine import Machine, Stopwatch
from tools.setup.pulumi_cli import ensure_pulumi
from tools.setup.python_env import ensure_python

Step = tuple[str, Callable[[Machine], bool]]

# The official installer of Pulumi comes with the Python packages, and images need a daemon.
CHAINS: Sequence[Sequence[Step]] = (
    (("python", ensure_python), ("pulumi", ensure_pulumi)),
    (("docker", ensure_docker), ("images", ensure_images)),
)
STEPS = tuple(name for chain in CHAINS for name, _ in chain)


def set_up(machine: Machine, without: Collection[str], refresh: bool) -> None:
    """Do what is missing. With nothing to do it says so in one line, in well under a second."""
    took = Stopwatch()
    machine.places.cache.mkdir(parents=True, exist_ok=True)
    with only_one_at_a_time(machine), ended_like_ctrl_c():
        # Read again: another set-up may have just finished.
        machine.choices = Choices() if refresh else Choices.load(machine.places.choices)
        chains = [[step for step in chain if step[0] not in without] for chain in CHAINS]
        changed = side_by_side(machine, chains)
    asked = ", ".join(name for name in STEPS if name not in without)
    machine.report.say(f"ready ({asked}), {took}" if changed else f"all ready ({asked}), {took}")


def side_by_side(machine: Machine, chains: Sequence[Sequence[Step]]) -> bool:
    """Run chains of steps at the same time; the first failure ends the others."""

    def run(chain: Sequence[Step]) -> bool:
        changed = False
        for _, ensure in chain:
            changed |= ensure(machine)
            machine.remember()
        return changed

    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(run, chain) for chain in chains]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failures = [error for future in done if (error := future.exception())]
        except KeyboardInterrupt:
            machine.commands.stop()
            raise
        if failures:
            machine.commands.stop()
            raise failures[0]
    return any(future.result() for future in futures)


@contextmanager
def only_one_at_a_time(machine: Machine) -> Iterator[None]:
    """Wait for another set-up with the same cache; it probably does the work for both."""
    with (machine.places.cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            machine.report.say("waiting for another setup on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the children too."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
