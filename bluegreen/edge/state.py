"""What an edge says that it serves: the first line of its config, asked and never changed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask
from bluegreen.errors import BluegreenError

CONFIG_FOLDER = "/etc/bluegreen"  # the volume that outlives the container
# In memory: gone when the edge starts anew, as is whoever held writes back.
FLAGS = "/dev/shm/bluegreen-held"
BOOTSTRAP = "/etc/bluegreen-bootstrap.conf"
WAITING = "/etc/bluegreen-waiting.conf"

# Old workers count from the first reload, and a release may reload once before its switch, to
# find the target's name at once: so much longer they wait, so that none is cut too early.
HEAD_START = 2  # seconds
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


def state_of(config: str) -> State | None:
    """Read the first line of a config; None for the bootstrap config, or no config at all."""
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


def flag_of(color: str) -> str:
    """The file whose being there makes nginx hold back what is written to a color."""
    return f"{FLAGS}-{color}"


def newest(states: Iterable[State | None]) -> State | None:
    """Of what several edges serve, what was switched to last."""
    known = [state for state in states if state]
    return max(known, key=lambda state: state.generation, default=None)


def read_header(docker: Docker, edge: str) -> tuple[str, str]:
    """The beginning of the config in force, and why that cannot be known.

    `docker cp` also answers for an edge that is stopped.
    """
    try:
        done = ask(docker, "cp", f"{edge}:{CONFIG_FOLDER}/nginx.conf", "-")
    except BluegreenError as error:
        return "", str(error)
    if done.returncode == 0:
        return done.stdout[512:1024], ""  # a tar's first file
    missing = any(words in done.stderr for words in ("o such container", "ould not find the file"))
    return "", "" if missing else done.stderr.strip()
