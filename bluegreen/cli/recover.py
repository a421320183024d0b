"""Recover: take away what a killed update left, where that is safe; never what nginx serves."""

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from bluegreen.cli.checkpoint import mend, state_folder
from bluegreen.cli.data import volumes
from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.project import PROJECT, Project, told
from bluegreen.docker.shell import ask
from bluegreen.plan.leftovers import Thing, read_swarm_things, read_things, unknown_to

REMOVALS = {
    "container": ("rm", "-f", "-v"),
    "network": ("network", "rm"),
    "volume": ("volume", "rm"),
    "service": ("service", "rm"),
    "secret": ("secret", "rm"),
    "config": ("config", "rm"),
}
# A provider outlives its engine by some seconds, and ends what it was asked for.
LATE_SECONDS = 3.0
POLL = 0.1


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
    held = (folder / "locks").glob(f"organization/{PROJECT}/{project.name}/*.json")
    return min(map(_read, held), key=lambda lock: lock.dead, default=None)


def _read(path: Path) -> Lock:
    try:
        said = json.loads(path.read_text())
        return Lock(path, int(said["pid"]), said["hostname"], said["username"])
    except (OSError, ValueError, KeyError):
        return Lock(path, 0, "", "")


def recover(project: Project) -> list[str]:
    """Heal; return what was done, a phrase each. Harmless when there is nothing to heal.

    Raises:
        CommandError: another update holds the stack, and may be alive.
    """
    done: list[str] = []
    lock = find_lock(project)
    if lock and not lock.dead:
        raise CommandError(
            f"the stack is locked by {lock.holder}, which is not known to be dead",
            serves=project.serves(),
            todo="wait for it; if it is dead, `pulumi cancel` takes its lock away",
            code=Exit.FAILED,
        )
    done += mend(project.name)
    if lock:
        with told():
            project.stack.cancel()
        done.append(f"took away the lock of {lock.holder}, which is dead")
    return done + _clear(project)


def heal(project: Project) -> list[str]:
    """Recover before a release, unless somebody may be at work on the stack."""
    return [] if find_lock(project) else _clear(project)


def _clear(project: Project) -> list[str]:
    """Remove what Docker has and the stack's state has not, and end what is pending there."""
    with told():
        exported = project.stack.export_stack()
    state: dict[str, Any] = dict(exported.deployment or {})
    pending = state.get("pending_operations") or []
    _await(project, pending)
    left = _removable(project, state)
    if not pending and not left:
        return []
    # Pulumi locks the stack for this, in whatever backend: an update that is alive is noticed
    # here, before anything of it is taken away.
    state["pending_operations"] = []
    with told():
        project.stack.import_stack(automation.Deployment(exported.version, state))
    done = ["forgot what the killed update had begun to make"] if pending else []
    for thing in left:
        removed = ask(thing.docker, *REMOVALS[thing.kind], thing.identity, timeout=60)
        if removed.returncode == 0:
            done.append(f"removed {thing.kind} {thing.name}, which a killed update left")
    return done


def _await(project: Project, pending: list[Mapping[str, Any]]) -> None:
    """Give a provider time to make what it was asked for, so that it can be taken away."""
    wanted = {
        str(each["resource"].get("inputs", {}).get("name"))
        for each in pending
        if each["type"] == "creating" and "docker:index/" in each["resource"]["urn"]
    }
    deadline = time.monotonic() + LATE_SECONDS
    while wanted and time.monotonic() < deadline:
        wanted -= {thing.name for thing in _things(project)}
        time.sleep(POLL if wanted else 0)


def _things(project: Project) -> list[Thing]:
    """All that Docker has of the stack: services first, as they use what comes after them."""
    found = read_swarm_things(project.docker, project.service) if project.swarm else []
    return found + [
        thing for docker in project.dockers for thing in read_things(docker, project.service)
    ]


def _removable(project: Project, state: Mapping[str, Any]) -> list[Thing]:
    """Leftovers that serve nobody: containers first, as what they use is not to be had before."""
    service, edge = project.service, project.edge()
    kept = set(volumes(project))
    if edge:  # a color is live: the edge serves it, whoever has forgotten about it
        kept |= {f"{service}-{edge.color}", service}
        for place in project.places:
            kept |= {place.container, f"{place.container}-config"}
    left = unknown_to(state, _things(project))
    return [thing for thing in left if thing.name not in kept]
