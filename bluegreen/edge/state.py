"""What an edge says that it serves: the first lines of its configs, asked and never changed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bluegreen.config.settings import Docker
from bluegreen.docker.facts import read_folder
from bluegreen.errors import BluegreenError

CONFIG_FOLDER = "/etc/bluegreen"  # the volume that outlives the container
SERVICES = f"{CONFIG_FOLDER}/services"  # a folder for each
EDGE_CONFIG = "/etc/bluegreen-edge.conf"
WAITING = "/etc/bluegreen-waiting.conf"
COUNT = "/etc/bluegreen-count.awk"
SOCKET = "/run/bluegreen.sock"  # nginx's own for the scripts: it has a server for each question
START = "/etc/bluegreen-start.sh"
KEYS = f"{CONFIG_FOLDER}/keys"  # a folder for each service: the keys of its certificates
KEPT = f"{CONFIG_FOLDER}/edge"  # what the edge is made of, for the holder
LISTEN = "/run/bluegreen"  # which ports nginx has, in a file of each kind
ALIVE = "/dev/shm/bluegreen-alive"  # in memory that edge and holder share
LOGS = "/var/log/bluegreen"  # in memory, as are the flags: gone when the edge starts anew
BODIES = "/var/cache/bluegreen"  # of requests, where they are too big for a buffer
# Of the host's memory, and what fills it does not stop nginx (see nginx/count.sh).
IN_MEMORY = {LOGS: "size=64m", BODIES: "size=256m"}

# Which hold a switch takes over that has none: writes to the target alone wait, from the switch on.
TRIAL_HOLD = "trial"

_HEADER = re.compile(
    r"# bluegreen color=(?P<color>\w+) version=(?P<version>\S+) generation=(?P<generation>\d+) "
    r"since=(?P<since>\S+) config=(?P<config>\w+)"
)


@dataclass(frozen=True)
class State:
    """What an edge config says of itself in its first line."""

    color: str
    version: str
    generation: int
    since: str
    config: str  # digest of the rendered text, before the stamp


def holder_of(edge: str) -> str:
    """What owns the ports of an edge: its part, or its container's name, by the edge's."""
    return f"{edge}-holder"


def folder_of(service: str) -> str:
    """A service's own folder in the edge."""
    return f"{SERVICES}/{service}"


def tls_of(service: str) -> str:
    """Its folder of certificates, which are public."""
    return f"{folder_of(service)}/tls"


def keys_of(service: str) -> str:
    """Its folder of their keys."""
    return f"{KEYS}/{service}"


def flags_of(service: str) -> str:
    """Its folder of flags in memory: they go with whoever put them there, or with the edge."""
    return f"/dev/shm/bluegreen-{service}"


def flag_of(service: str, color: str) -> str:
    """The file whose being there makes nginx hold back what is written to a color."""
    return f"{flags_of(service)}/held-{color}"


def state_of(config: str) -> State | None:
    """Read the first line of a config; None for one of no color, or no config at all."""
    match = _HEADER.match(config)
    if not match:
        return None
    return State(
        color=match["color"],
        version=match["version"],
        generation=int(match["generation"]),
        since=match["since"],
        config=match["config"],
    )


def state_in(files: Mapping[str, str]) -> State | None:
    """What a service's folder says that it serves: the color by the file that nginx looks for.

    Args:
        files: the beginning of each file in it, by name.
    """
    live = "green" if "green" in files else "blue"
    # What is loaded need not be live yet, or not any more; what was confirmed last is then.
    states = [state_of(files.get(name, "")) for name in ("nginx.conf", "stable.conf")]
    found = [state for state in states if state and state.color == live]
    return found[0] if states[0] and found else None


def newest(states: Iterable[State | None]) -> State | None:
    """Of what several edges serve, what was switched to last."""
    known = [state for state in states if state]
    return max(known, key=lambda state: state.generation, default=None)


def read_state(docker: Docker, edge: str, service: str) -> tuple[State | None, str]:
    """What an edge serves of a service, and why that cannot be known."""
    for path in (folder_of(service), f"{CONFIG_FOLDER}/nginx.conf"):  # the latter: of before
        try:
            found = read_folder(docker, edge, path)
        except BluegreenError as error:
            return None, str(error)
        if not found.missing:
            files = {name.rpartition("/")[2]: text for name, text in found.files.items()}
            before = state_of(files.get("nginx.conf", ""))
            return (state_in(files) if path == folder_of(service) else before), ""
        if found.missing == "container":
            break
    return None, ""
