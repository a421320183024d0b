"""Facts: what nginx serves and what runs in Docker, asked and never changed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bluegreen.config.settings import Docker, Place
from bluegreen.docker.facts import COPY_LABEL, FINGERPRINT_LABEL, LABEL, Container, read_containers
from bluegreen.edge.state import State, newest, read_header, state_of
from bluegreen.platforms.swarm.tasks import manager_trouble, read_services


@dataclass(frozen=True)
class Facts:
    """What is known of a service.

    Attributes:
        states: what each edge serves, by its container's name; None = no color.
        troubles: why an edge could not be asked, by its container's name.
        containers: what runs, by part; None when Docker does not answer.
        no_manager: why the stack's Docker cannot manage Swarm services, where it shall; else "".
    """

    states: Mapping[str, State | None]
    troubles: Mapping[str, str]
    containers: Mapping[str, Container] | None
    no_manager: str = ""

    @property
    def edge(self) -> State | None:
        """What nginx serves: of several edges, what was switched to last."""
        return newest(self.states.values())

    @property
    def disagreement(self) -> str:
        """Which edges serve something else than the newest, as a phrase; "" when none does."""
        last = self.edge
        others = [
            f"{name} serves {state.color} {state.version}" if state else f"{name} serves no color"
            for name, state in self.states.items()
            if last and state != last
        ]
        serves = f"{last.color} {last.version} was switched to last" if last else ""
        return f"{', '.join(others)}; {serves}" if others else ""


def read_facts(
    docker: Docker, places: Sequence[Place], service: str, *, swarm: bool = False
) -> Facts:
    """Ask all edges and the stack's Docker at once: one behind ssh takes its time to answer."""
    mine = f"{LABEL}={service}"
    with ThreadPoolExecutor() as pool:
        headers = [pool.submit(read_header, place.docker, place.container) for place in places]
        dockers = dict.fromkeys([docker, *(place.docker for place in places)])
        listed = [pool.submit(read_containers, each, service) for each in dockers]
        services = pool.submit(read_services, docker, service, mine) if swarm else None
        manager = pool.submit(manager_trouble, docker) if swarm else None
    told = {place.container: header.result() for place, header in zip(places, headers, strict=True)}
    containers: dict[str, Container] | None = None
    for each in listed:
        if (found := each.result()) is not None:
            containers = {**(containers or {}), **found}
    for part, labels in (services.result() if services else {}).items():
        state = labels.pop("state")
        containers = (containers or {}) | {
            part: Container(state, labels.get(FINGERPRINT_LABEL, ""), labels.get(COPY_LABEL, ""))
        }
    return Facts(
        states={name: state_of(said) for name, (said, trouble) in told.items() if not trouble},
        troubles={name: trouble for name, (_, trouble) in told.items() if trouble},
        containers=containers,
        no_manager=manager.result() if manager else "",
    )
