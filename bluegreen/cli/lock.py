"""The lock on a stack in a file backend: whose it is, and whether its holder is dead."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from bluegreen.cli.checkpoint import state_folder
from bluegreen.cli.project import Project


@dataclass(frozen=True)
class Lock:
    """A lock in a file backend; one that cannot be read has no process and no host."""

    path: Path
    pid: int
    host: str
    user: str

    @property
    def dead(self) -> bool:
        """Whether its holder was on this host and is gone."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return _is_zombie(self.pid)

    @property
    def holder(self) -> str:
        """Whose it is, as a phrase."""
        if not self.host:
            return f"somebody unknown ({self.path} cannot be read)"
        return f"process {self.pid} of {self.user} on {self.host}"


def _is_zombie(pid: int) -> bool:
    # Killed, and its parent has not noticed yet.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def find_lock(project: Project) -> Lock | None:
    """The lock on the stack, one that may be alive first; None without one, or without files."""
    folder = state_folder()
    if not folder:
        return None
    held = (folder / "locks").glob(f"organization/{project.namespace}/{project.name}/*.json")
    return min(map(_read, held), key=lambda lock: lock.dead, default=None)


def _read(path: Path) -> Lock:
    try:
        said = json.loads(path.read_text())
        return Lock(path, int(said["pid"]), said["hostname"], said["username"])
    except (OSError, ValueError, KeyError):
        return Lock(path, 0, "", "")
