"""Recover: take away what a killed update left, where that is safe; never what nginx serves."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bluegreen.facts import LABEL
from bluegreen.shell import ask
from cli.errors import CommandError, Exit
from cli.project import Project, told


@dataclass(frozen=True)
class Lock:
    """A lock in a file backend."""

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
        return False


def find_lock(project: Project) -> Lock | None:
    """The lock on the stack; None without one, or where the backend keeps locks itself."""
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return None
    path = urlsplit(backend).netloc + urlsplit(backend).path
    folder = Path(path).expanduser() / ".pulumi" / "locks"
    for lock in folder.glob(f"organization/*/{project.name}/*.json"):
        said = json.loads(lock.read_text())
        return Lock(lock, int(said["pid"]), said["hostname"], said["username"])
    return None


def recover(project: Project) -> list[str]:
    """Heal; return what was done, a phrase each.

    Raises:
        CommandError: another update holds the stack, and may be alive.
    """
    done: list[str] = []
    lock = find_lock(project)
    if lock:
        holder = f"process {lock.pid} of {lock.user} on {lock.host}"
        if not lock.dead:
            raise CommandError(
                f"the stack is locked by {holder}, which is not known to be dead",
                serves=project.serves(),
                todo="wait for it; if it is dead, `pulumi cancel` takes its lock away",
                code=Exit.FAILED,
            )
        with told():
            project.stack.cancel()
        done.append(f"took away the lock of {holder}, which is dead")
    return done + _remove_leftovers(project)


def _remove_leftovers(project: Project) -> list[str]:
    """Containers and networks of this stack that Docker has and the stack's state has not."""
    with told():
        state = project.stack.export_stack().deployment or {}
    known = {resource.get("id") for resource in state.get("resources", [])}
    edge = project.edge()
    serving = f"{project.service}-{edge.color}" if edge else ""
    where = ("--filter", f"label={LABEL}={project.service}", "--no-trunc", "--format")
    done: list[str] = []
    for kind, listing, removal, name in (
        ("container", ("ps", "-a"), ("rm", "-f"), "{{.ID}} {{.Names}}"),
        ("network", ("network", "ls"), ("network", "rm"), "{{.ID}} {{.Name}}"),
    ):
        for line in ask(project.docker, *listing, *where, name).stdout.splitlines():
            identity, _, called = line.partition(" ")
            if identity in known or called == serving:
                continue
            removed = ask(project.docker, *removal, identity, timeout=60)
            if removed.returncode == 0:
                done.append(f"removed {kind} {called}, which a killed update left")
    if state.get("pending_operations"):
        with told():
            project.stack.refresh(color="never", clear_pending_creates=True)
        done.append("forgot what the killed update had begun to make")
    return done
