"""Facts about a Swarm service: its replicas, where each runs and how it is."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bluegreen.config.settings import Docker
from bluegreen.docker.facts import Listing
from bluegreen.docker.shell import ask
from bluegreen.errors import BluegreenError, CommandFailed, EdgeUnreachable

# Of https://docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states; `complete` is a
# service's process that ended by itself.
FAILED = ("failed", "rejected", "complete")
# What a Swarm has of a stack, as `docker.facts.read_things` asks for it.
SWARM_LISTINGS: tuple[Listing, ...] = tuple(
    (kind, (kind, "ls"), "{{.ID}}\t{{.Name}}\t") for kind in ("service", "secret", "config")
)


@dataclass(frozen=True)
class Task:
    """One replica's life on one node; a replica that is restarted is another task."""

    identity: str
    replica: int
    node: str  # host name; "" while no node was found for it
    state: str
    wanted: bool  # whether the Swarm means it to run
    address: str  # where the edges reach it; "" before it has one
    created: datetime
    said: str

    @property
    def name(self) -> str:
        """What it is called to people."""
        return f"replica {self.replica} on {self.node}" if self.node else f"replica {self.replica}"

    @property
    def runs(self) -> bool:
        """Whether it can be asked."""
        return self.wanted and self.state == "running" and bool(self.address)


def read_tasks(docker: Docker, service: str) -> list[Task]:
    """All tasks that the Swarm remembers of a service, the newest of each replica first.

    Raises:
        CommandFailed: there is no such service, or no manager of a Swarm answers.
    """
    listed = _check(docker, "service", "ps", "--no-trunc", "--quiet", service).split()
    if not listed:
        return []
    # One that the Swarm forgets meanwhile fails the command, which tells of the others as well.
    told = ask(docker, "inspect", "--type", "task", *listed).stdout
    found: list[dict[str, Any]] = json.loads(told or "[]")
    rows = _check(docker, "node", "ls", "--format", "{{.ID}} {{.Hostname}}").splitlines()
    nodes = {identity: name for identity, _, name in (row.partition(" ") for row in rows)}
    spec = json.loads(_check(docker, "service", "inspect", service))[0]["Spec"]["TaskTemplate"]
    own = service.rpartition("-")[0]
    return [_task(each, nodes, spec, own) for each in found]


def _task(
    raw: dict[str, Any], nodes: dict[str, str], spec: dict[str, Any], own_network: str
) -> Task:
    node, status = raw.get("NodeID", ""), raw["Status"]
    return Task(
        identity=raw["ID"],
        replica=raw.get("Slot", 0),
        node=nodes.get(node, node),
        state=status["State"],
        # One of an older spec is about to go, also before the Swarm has come to say so.
        wanted=raw["DesiredState"] == "running" and _of_spec(raw) == _of_spec({"Spec": spec}),
        address=_address(raw.get("NetworksAttachments") or [], own_network),
        created=datetime.fromisoformat(raw["CreatedAt"]),
        said=status.get("Err") or "",
    )


def _address(networks: list[dict[str, Any]], own: str) -> str:
    """Where the edges reach it: on the network of an edge that is shared, else on its stack's."""
    reached = min(
        networks, key=lambda each: bool(each["Network"]["Spec"]["Name"] == own), default={}
    )
    addresses: list[str] = reached.get("Addresses") or [""]
    return addresses[0].partition("/")[0]


def changed_since(docker: Docker, service: str, seconds: float) -> datetime | None:
    """When a service was last changed, if that is not longer ago; all by the Swarm's clock.

    None too when that cannot be known now.
    """
    try:
        said = _check(docker, "service", "inspect", "--format", "{{json .UpdatedAt}}", service)
        now = datetime.fromisoformat(_check(docker, "info", "--format", "{{.SystemTime}}"))
    except BluegreenError:
        return None
    changed = datetime.fromisoformat(json.loads(said))
    return changed if (now - changed).total_seconds() <= seconds else None


def _of_spec(raw: dict[str, Any]) -> list[Any]:
    container = raw["Spec"].get("ContainerSpec") or {}
    return [container.get(key) for key in ("Image", "Args", "Env", "User", "Secrets", "Configs")]


def read_services(docker: Docker, service: str, label: str) -> dict[str, dict[str, str]]:
    """Labels of a stack's Swarm services by part, and as `state` how many of each run.

    Args:
        docker: a manager of the Swarm.
        service: prefix of everything the stack makes in Docker.
        label: NAME=VALUE, by which they are known.

    Raises:
        CommandFailed: no manager of the Swarm answers.
    """
    where = ("--filter", f"label={label}")
    rows = _check(docker, "service", "ls", *where, "--format", "{{.Name}} {{.Replicas}}")
    counts = {row.split()[0]: row.split()[1] for row in rows.splitlines()}
    if not counts:
        return {}
    raw = json.loads(_check(docker, "service", "inspect", *counts))
    return {
        each["Spec"]["Name"].removeprefix(f"{service}-"): {
            **each["Spec"]["Labels"],
            "state": _state(counts[each["Spec"]["Name"]]),
        }
        for each in raw
    }


def _state(count: str) -> str:
    running, _, wanted = count.partition("/")
    if running == "0":
        return "down"
    return "running" if running == wanted else f"running ({count} replicas)"


def manager_trouble(docker: Docker) -> str:
    """Why a daemon cannot manage services; "" when it can."""
    try:
        state = _check(docker, "info", "--format", "{{.Swarm.ControlAvailable}}")
    except BluegreenError as error:
        return str(error)
    return "" if state == "true" else "it is not a Swarm manager"


def log_tail(docker: Docker, what: str, lines: int) -> str:
    """The last lines of a service's or a task's log."""
    done = ask(docker, "service", "logs", "--raw", "--tail", str(lines), what)
    return done.stdout + done.stderr


def _check(docker: Docker, *words: str) -> str:
    try:
        done = ask(docker, *words)
    except EdgeUnreachable as error:  # it is a manager that is, and no edge
        raise CommandFailed(str(error)) from error
    if done.returncode:
        raise CommandFailed(f"`docker {' '.join(words[:3])}`: {done.stderr.strip()}")
    return done.stdout.strip()
