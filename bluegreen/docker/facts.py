"""What runs in Docker of a service, asked and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask
from bluegreen.errors import BluegreenError

LABEL = "bluegreen.service"
FINGERPRINT_LABEL = "bluegreen.fingerprint"
COPY_LABEL = "bluegreen.copy"  # of the data; of a container that runs on it and of its volume


@dataclass(frozen=True)
class Container:
    """One container of a service: its state (running, exited …), and what it was made of.

    Of a Swarm's service too, which runs when a replica does. `copy` is the copy of the data that
    it runs on, "" for the first.
    """

    state: str
    fingerprint: str
    copy: str = ""

    @property
    def up(self) -> bool:
        """Whether it serves, or is about to again."""
        return self.state.split()[0] in ("running", "restarting")


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
