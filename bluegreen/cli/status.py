"""What is live, and whether config, stack, nginx and Docker agree about it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bluegreen.cli.certificates import read_certificates
from bluegreen.cli.exported import export
from bluegreen.cli.ownership import strangeness
from bluegreen.cli.project import Project
from bluegreen.config.settings import Place, other, places_of
from bluegreen.docker.shell import ask
from bluegreen.edge.state import folder_of
from bluegreen.errors import BluegreenError
from bluegreen.plan.situation import Situation

UP = "`bluegreen deploy --yes` or `pulumi up` releases what the config says"


@dataclass(frozen=True)
class Drift:
    """One thing that does not agree, and the way out."""

    what: str
    todo: str


@dataclass(frozen=True)
class Status:
    """A stack's state. `live` has color, version, generation and since; None before a release.

    `edges` says what each serves, where there are several; `known` whether all could be asked.
    """

    stack: str
    url: str
    live: dict[str, Any] | None
    data: dict[str, Any]
    standby: dict[str, Any] | None
    containers: dict[str, str]
    edges: dict[str, str]
    drift: list[Drift]
    known: bool = True
    certificates: list[dict[str, Any]] = field(default_factory=list)


def read_status(project: Project) -> Status:
    """Ask config, stack, nginx and Docker."""
    outputs = project.outputs()
    situation = project.situation()
    edge = situation.edge
    containers = {part: each.state for part, each in situation.containers.items()}
    live = (
        {
            "color": edge.color,
            "version": edge.version,
            "generation": edge.generation,
            "since": edge.since,
        }
        if edge
        else None
    )
    drift = _drift(project, outputs, situation, containers)
    certificates = _certificates(project, drift, released=bool(edge))
    return Status(
        stack=project.name,
        url=outputs.get("url", ""),
        live=live,
        data=outputs.get("data") or {},
        standby=outputs.get("standby"),
        containers=containers,
        edges=_edges(project, situation),
        drift=drift,
        known=not situation.unknown and not situation.troubles,
        certificates=certificates,
    )


def _certificates(project: Project, drift: list[Drift], *, released: bool) -> list[dict[str, Any]]:
    """Those in the edges; what ails them is drift."""
    settings, found = project.said.settings, []
    if not settings.tls:
        return []
    wanted = settings.hosts if settings.tls.acme else ()
    for place in project.places():
        try:
            held = read_certificates(place, project.service, wanted)
        except BluegreenError as error:
            drift.append(Drift(f"{place.container} does not tell its certificates: {error}", ""))
            continue
        if not held and released:
            drift.append(Drift(f"{place.container} has no certificates", "`pulumi up`"))
        where = f" in {place.container}" if len(project.edges) > 1 else ""
        for each in held:
            found.append({**asdict(each), "line": f"{each.line}{where}"})
            if each.trouble:
                names = ", ".join(each.names) or each.host
                drift.append(Drift(f"certificate of {names}{where}: {each.trouble}", each.todo))
    return found


def _edges(project: Project, situation: Situation) -> dict[str, str]:
    """What each of several edges serves, by its name; empty where there is but one."""
    if len(project.edges) == 1:
        return {}
    found = {}
    for edge, place in zip(project.edges, project.places(), strict=True):
        state, trouble = (
            situation.states.get(place.container),
            situation.troubles.get(place.container),
        )
        serves = f"{state.color} {state.version} (generation {state.generation})" if state else ""
        found[edge.name] = f"does not answer: {trouble}" if trouble else serves or "no color"
    return found


def _drift(
    project: Project, outputs: dict[str, Any], situation: Situation, containers: dict[str, str]
) -> list[Drift]:
    found: list[Drift] = []
    edge = situation.edge
    recorded = outputs.get("live") or {}
    file = project.file
    asked = {**situation.unknown, **(situation.troubles if len(project.edges) == 1 else {})}
    if asked:
        listed = "; ".join(f"{where}: {why}" for where, why in asked.items())
        todo = "make sure that Docker answers: what runs and what serves is not known"
        return [Drift(f"Docker could not be asked: {listed}", todo)]
    doubtful = not recorded or not edge or not containers
    if doubtful and (recorded or situation.things):
        strange = strangeness(project, situation, export(project).owned)
        if strange:
            return [Drift(strange, "")]
    if not recorded:
        return [Drift("nothing was released yet", "bluegreen deploy VERSION")]
    if not edge:
        found.append(Drift(f"nginx serves no color, the stack says {recorded['color']}", UP))
    elif (edge.color, edge.version) != (recorded["color"], recorded["version"]):
        found.append(
            Drift(
                f"nginx serves {edge.color} {edge.version}, the stack says "
                f"{recorded['color']} {recorded['version']}",
                UP,
            )
        )
    wanted = (file.active_color or "", file.get(f"{file.active_color}_version"))
    if wanted != (recorded["color"], recorded["version"]):
        found.append(
            Drift(
                f"config wants {wanted[0]} {wanted[1]}, live is {recorded['color']} "
                f"{recorded['version']}",
                f"{UP}; `bluegreen deploy --abort` sets the config back",
            )
        )
    for name, trouble in situation.troubles.items():
        if len(project.edges) > 1:
            todo = "bring its host back; it catches up by itself"
            found.append(Drift(f"{name} does not answer: {trouble}", todo))
    if situation.disagreement:
        found.append(Drift(situation.disagreement, UP))
    own = project.on_edge.own_edges
    places = places_of(own, project.service)
    parts = {p.container: e.part for p, e in zip(places, own, strict=True)}
    edges = {part for name, part in parts.items() if name not in situation.troubles}
    expected = edges | {recorded["color"]}
    if outputs.get("standby"):
        expected.add(outputs["standby"]["color"])
    for name in sorted(expected):
        state = containers.get(name, "gone")
        if state == "gone":
            found.append(
                Drift(f"container {name} is gone", "`pulumi refresh --yes`, then `pulumi up`")
            )
        elif not state.startswith("running"):
            found.append(
                Drift(f"container {name} is {state}", f"docker start {project.service}-{name}")
            )
    extra = other(recorded["color"])
    if extra in containers and extra not in expected:
        found.append(
            Drift(
                f"container {extra} ({containers[extra]}) is left over from a failed release",
                "`bluegreen deploy --abort` removes it",
            )
        )
    for place in project.places():
        runs = not own or containers.get(parts[place.container]) == "running"
        if runs and situation.states.get(place.container):
            found += hand_edited(place, project.service)
    return found


def hand_edited(place: Place, service: str) -> list[Drift]:
    """Whether the config in force is the one that the last switch put there."""
    files = (f"{folder_of(service)}/nginx.conf", f"{folder_of(service)}/stable.conf")
    done = ask(place.docker, "exec", place.container, "cmp", "-s", *files)
    if done.returncode != 1:
        return []
    return [
        Drift(
            "nginx's config was changed by hand",
            f"`docker restart {place.container}` restores the last released config (this "
            "interrupts users for a moment), or release again",
        )
    ]


def as_text(status: Status) -> str:
    """The status for people."""
    live = status.live
    lines = [
        f"stack     {status.stack}  {status.url}",
        f"live      {live['color']} {live['version']} since {live['since']}"
        if live
        else f"live      {'no color' if status.known else 'not known'}",
    ]
    if status.standby:
        lines.append(f"standby   {status.standby['color']} {status.standby['version']}")
    if mode := status.data.get("mode"):
        copy = status.data.get("copy")
        lines.append(f"data      {mode}{f', copy {copy}' if copy else ''}")
    lines += [f"tls       {each['line']}" for each in status.certificates]
    lines += [f"edge      {name}: {serves}" for name, serves in status.edges.items()]
    return "\n".join([*lines, *runs_and_drift(status.containers, status.drift, known=status.known)])


def runs_and_drift(
    containers: Mapping[str, str], drift: Sequence[Drift], *, known: bool
) -> list[str]:
    """The last lines of a status: which containers run, and what does not agree."""
    running = ", ".join(f"{name} {state}" for name, state in sorted(containers.items()))
    lines = [f"runs      {running or ('nothing' if known else 'not known')}"]
    for each in drift:
        lines += [f"drift     {each.what}", *([f"          → {each.todo}"] if each.todo else [])]
    return lines if drift else [*lines, "drift     none"]


def as_json(status: Any) -> str:
    """The status of a service's stack, or of an edge's, for programs."""
    return json.dumps(asdict(status), indent=2)
