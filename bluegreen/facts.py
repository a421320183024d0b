"""Facts: what nginx serves and what runs in Docker, asked and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from bluegreen.edge import CONFIG_FOLDER, State, state_of
from bluegreen.errors import BluegreenError
from bluegreen.settings import Docker
from bluegreen.shell import ask

LABEL = "bluegreen.service"
FINGERPRINT_LABEL = "bluegreen.fingerprint"
COPY_LABEL = "bluegreen.copy"  # of the data; of a container that runs on it and of its volume


@dataclass(frozen=True)
class Container:
    """One container of a service: its state (running, exited …), and what it was made of.

    `copy` is the copy of the data that it runs on, "" for the first.
    """

    state: str
    fingerprint: str
    copy: str = ""


def read_edge(docker: Docker, edge: str) -> State | None:
    """Ask the edge's config volume what is live; None when there is no such edge, or no color.

    `docker cp` also answers for an edge that is stopped.
    """
    try:
        done = ask(docker, "cp", f"{edge}:{CONFIG_FOLDER}/nginx.conf", "-")
    except BluegreenError:
        return None
    header = done.stdout[512:1024] if done.returncode == 0 else ""  # a tar's first file
    return state_of(header)


def read_containers(docker: Docker, service: str) -> Mapping[str, Container] | None:
    """The service's containers by part (edge, blue, green); None when Docker does not answer."""
    shape = " ".join(
        (
            "{{.Names}}",
            "{{.State}}",
            *(f'{{{{.Label "{x}"}}}}' for x in (FINGERPRINT_LABEL, COPY_LABEL)),
        )
    )
    where = ("--filter", f"label={LABEL}={service}")
    try:
        done = ask(docker, "ps", "-a", *where, "--format", shape)
    except BluegreenError:
        return None
    if done.returncode:
        return None
    found: dict[str, Container] = {}
    for line in done.stdout.splitlines():
        name, state, fingerprint, copy = [*line.split(" "), "", "", ""][:4]
        found[name.removeprefix(f"{service}-")] = Container(state, fingerprint, copy)
    return found
