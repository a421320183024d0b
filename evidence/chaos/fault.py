"""A fault: its name, what it does to a release, and what it may cost; all of them by name."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from bluegreen.config.settings import Color
from evidence.chaos.release import UP, Release
from evidence.lab.host import LabFailed
from evidence.lab.processes import everything_below, kill, words
from evidence.lab.stacks import Stack

Ends = Literal["failed", "done", "either"]


class TooLate(LabFailed):
    """The release was over before the fault could strike: nothing was tried."""


class Scene:
    """What a fault works with: a stack with one color live, and the release of the other.

    What a fault changes it also mends: `mend` takes the callbacks, called when the release is over.
    """

    def __init__(self, stack: Stack, tool: str, target: Color, version: str) -> None:
        """Set the scene; the release is started by the fault."""
        self.stack, self.target = stack, target
        self.at_ms: int | None = None
        self.processes: dict[int, str] = {}
        self.mends = ExitStack()
        self._tool, self._version = tool, version
        self._release: Release | None = None

    @property
    def release(self) -> Release:
        """The release; started when it is first asked for."""
        if self._release is None:
            self._release = Release(self.stack, self._tool, self.target, self._version)
            self.mends.callback(self._release.close)
        return self._release

    def container(self, part: str) -> str:
        """The name of a container of the stack."""
        return f"{self.stack.service}-{part}"

    def strike(self, act: Callable[[], object] = lambda: None) -> None:
        """Note the moment, and do it."""
        self.processes = {pid: words(pid) for pid in everything_below(self.release.process.pid)}
        self.at_ms = self.release.at_ms
        act()

    def end_orphans(self) -> None:
        """End what the fault has left of the release's processes."""
        kill(pid for pid, said in self.processes.items() if words(pid) == said)

    def mend(self, act: Callable[[], object]) -> None:
        """Do this when the release is over; the last one first."""
        self.mends.callback(act)

    def configure(self, **config: Any) -> None:
        """Change the stack's config for as long as the release lasts."""
        before: Mapping[str, Any] = {key: self.stack.config.get(key) for key in config}
        self.stack.configure(**config)
        self.mend(lambda: self.stack.configure(**before))

    def bake(self, seconds: int) -> None:
        """Let the release bake so long, and return once it does."""
        self.configure(bake={"seconds": seconds})
        self.release.wait_for("baking")

    def configure_for_good(self, **config: Any) -> None:
        """Change the stack's config also for the release that converges."""
        self.stack.configure(**config)


@dataclass(frozen=True)
class Fault:
    """One row of the matrix.

    Attributes:
        name: of the row.
        act: starts the release and strikes.
        tool: what releases.
        ends: how the release that is hit must end.
        says: what it must say then.
        spared: why it cannot but cost requests; "" when none may fail.
        outage: in how many seconds of the load a request may fail.
        needs: root, where it does.
        volumes: sizes of volumes on a small disk of their own, by their last name.
        small_state: whether the state folder is on a small disk of its own.
        daemon: options of a Docker daemon of its own; None for the machine's.
        first: whether the release is the stack's first, before which nothing serves.
        long: whether it is for `make chaos` only.
    """

    name: str
    act: Callable[[Scene], object]
    tool: str = UP
    ends: Ends = "failed"
    says: str = ""
    spared: str = ""
    outage: int = 0
    needs: Literal["", "root"] = ""
    volumes: tuple[tuple[str, str], ...] = ()
    small_state: bool = False
    daemon: tuple[str, ...] | None = None
    first: bool = False
    long: bool = False

    @property
    def special(self) -> bool:
        """Whether it wants a stack of its own."""
        return bool(self.volumes or self.small_state or self.first or self.daemon is not None)

    def missing(self) -> str:
        """Why it cannot be made on this machine; "" when it can."""
        if self.needs == "root" and os.geteuid() != 0:
            return "only root can make this fault"
        return ""


FAULTS: list[Fault] = []


def fault(
    name: str, **what: Any
) -> Callable[[Callable[[Scene], object]], Callable[[Scene], object]]:
    """Enter a function into the matrix by this name."""

    def enter(act: Callable[[Scene], object]) -> Callable[[Scene], object]:
        FAULTS.append(Fault(name, act, **what))
        return act

    return enter
