"""What a shared edge serves: its services, and whether the edges agree about them."""

from dataclasses import dataclass
from typing import Any

from bluegreen.cli.project import Project
from bluegreen.cli.status import UP, Drift, runs_and_drift
from bluegreen.edge.services import Service, read_services
from bluegreen.edge.state import State, newest
from bluegreen.errors import BluegreenError

UP_EDGE = "`pulumi up` of this stack"


@dataclass(frozen=True)
class EdgeStatus:
    """A shared edge's state.

    Attributes:
        stack: its name.
        url: of its public port.
        services: of each: its name, color, version, since (null before a release), and claims.
        containers: the state of each, by part.
        drift: what does not agree, and the way out.
        known: whether all could be asked.
    """

    stack: str
    url: str
    services: list[dict[str, Any]]
    containers: dict[str, str]
    drift: list[Drift]
    known: bool


def read_status(project: Project) -> EdgeStatus:
    """Ask the stack, Docker and each edge."""
    situation, drift = project.situation(), []
    found: dict[str, list[Service]] = {}
    known = not situation.unknown
    for where, why in situation.unknown.items():
        todo = "make sure that Docker answers: what runs there is not known"
        drift.append(Drift(f"{where} could not be asked: {why}", todo))
    for place in project.places():
        try:
            services = read_services(place)
        except BluegreenError as error:
            known = False
            drift.append(Drift(f"{place.container} could not be asked: {error}", "bring it back"))
            continue
        if services is None:
            drift.append(Drift(f"{place.container} is not there", UP_EDGE))
        found[place.container] = services or []
    for edge in project.edges:
        state = situation.containers.get(edge.part)
        if state and state.state != "running":
            drift.append(Drift(f"container {edge.part} is {state.state}", UP_EDGE))
    served = _by_service(found)
    for name, states in served.items():
        if len(set(states)) > 1:
            drift.append(Drift(f"{name} is not the same in all edges", UP))
    return EdgeStatus(
        stack=project.name,
        url=project.outputs().get("url", ""),
        services=_described(served, found),
        containers={part: each.state for part, each in situation.containers.items()},
        drift=drift,
        known=known,
    )


def _by_service(found: dict[str, list[Service]]) -> dict[str, list[State | None]]:
    """What each edge serves of a service, by the service's name."""
    names = sorted({service.name for services in found.values() for service in services})
    return {
        name: [
            next((each.state for each in services if each.name == name), None)
            for services in found.values()
        ]
        for name in names
    }


def _described(
    served: dict[str, list[State | None]], found: dict[str, list[Service]]
) -> list[dict[str, Any]]:
    claims = {each.name: each.claims for services in found.values() for each in services}
    listed = []
    for name, states in served.items():
        state = newest(states)
        listed.append(
            {
                "name": name,
                "color": state.color if state else None,
                "version": state.version if state else None,
                "since": state.since if state else None,
                "claims": list(claims[name]),
            }
        )
    return listed


def as_text(status: EdgeStatus) -> str:
    """The status for people."""
    lines = [f"stack     {status.stack}  {status.url}  (an edge that services share)"]
    for each in status.services:
        serves = f"{each['color']} {each['version']} since {each['since']}"
        claims = ", ".join(each["claims"])
        lines.append(
            f"service   {each['name']}: {serves}; {claims}"
            if each["color"]
            else f"service   {each['name']}: no color is live yet"
        )
    if not status.services:
        lines.append(f"service   {'none' if status.known else 'not known'}")
    return "\n".join([*lines, *runs_and_drift(status.containers, status.drift, known=status.known)])
