"""What a Pulumi stack says to the program: its config, and what its last update left."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from bluegreen import config, guard, plan
from bluegreen.data.plan import DataPlan, plan_data
from bluegreen.data.snapshots import copy_name
from bluegreen.edge import State, render
from bluegreen.errors import ConfigError
from bluegreen.facts import Container, Facts, read_facts
from bluegreen.fingerprint import Fingerprint, fingerprint_color, fingerprint_edge
from bluegreen.leftovers import (
    read_state,
    read_swarm_things,
    read_things,
    refuse_leftovers,
)
from bluegreen.settings import COLORS, EDGE, Docker, Settings

# Colors and edges are host names on the network, of 63 characters at the most (RFC 1035).
LONGEST_HOST = 63
# Set while a lost state is rebuilt: nothing is touched then, and all that runs is unknown to it.
REBUILD = "BLUEGREEN_REBUILD_STATE"


@dataclass(frozen=True)
class Plan:
    """An update that the guard lets pass.

    Attributes:
        name: prefix of everything the stack makes in Docker.
        drift: how what nginx serves differs from the stack's outputs; "" when it does not.
        fingerprints: what each container is made of, for the next update's guard.
        words: the release in words; "" when there is none.
        data: what becomes of the data.
        serves: {color, version} of what is live now; empty values when nothing is.
    """

    name: str
    drift: str
    fingerprints: dict[str, Fingerprint]
    words: str
    data: DataPlan
    serves: Mapping[str, str]


def read_settings(root: Path) -> Settings:
    """The stack's settings; raises ConfigError with every mistake."""
    prefix = f"{pulumi.get_project()}:"
    raw = {key.removeprefix(prefix): v for key, v in CONFIG.get().items() if key.startswith(prefix)}
    provider = pulumi.Config("docker")
    return config.load(
        raw,
        root,
        secrets=[key for key in ("env", "database_url") if is_config_secret(prefix + key)],
        docker=Docker(
            host=provider.get("host") or "",
            context=provider.get("context") or "",
            cert_path=provider.get("certPath") or "",
        ),
    )


def guarded(settings: Settings, root: Path) -> Plan:
    """The update's plan, once the guard has let it pass; raises GuardRefused or ConfigError."""
    name = f"{pulumi.get_project()}-{pulumi.get_stack()}"
    parts = (*COLORS, *(edge.part for edge in settings.edges))
    longest = LONGEST_HOST - max(len(f"-{part}") for part in parts)
    if len(name) > longest:
        raise ConfigError(
            [
                f'stack: "{pulumi.get_stack()}" makes host names of more than 63 characters; '
                f"allowed: at most {longest - len(pulumi.get_project()) - 1} characters"
            ]
        )
    # Rendered here too, so that a template's mistake is told before anything is declared.
    render(settings, settings.active_color, name, root)
    with ThreadPoolExecutor() as pool:  # Docker is asked while the outputs are read
        places, swarm = settings.places(name), bool(settings.swarm)
        asked = pool.submit(read_facts, settings.docker, places, name, swarm=swarm)
        previous = guard.read_previous()
    facts = asked.result()
    guard.require_cluster(settings, facts)
    edge, containers = facts.edge, facts.containers
    live = edge.color if edge else previous.live
    data = plan_data(settings, live, containers or {}, previous.data.get("copy", ""), copy_name())
    planned: dict[str, Fingerprint] = {
        color: fingerprint_color(settings, color, name, root, data.copies[color])
        for color in settings.declared
    }
    planned |= {each.part: fingerprint_edge(settings, each) for each in settings.edges}
    running, target = previous.running or {}, settings.active_color
    data = data.due(live != target or running.get(target) != planned[target])
    rebuilds = bool(os.environ.get(REBUILD))
    if not rebuilds:
        guard.refuse_interruptions(settings, previous, edge, planned, containers)
    drift = guard.drift(previous, edge, containers, _known_edges(settings, name, previous, facts))
    drift = drift or (facts.disagreement if previous.live else "")
    if not rebuilds:
        _refuse_leftovers(settings, name, previous, edge, containers or {}, drift)
    words = plan.describe(settings, name, previous, edge, planned, data, facts.troubles)
    serves = {"color": live, "version": edge.version if edge else ""}
    return Plan(name, drift, planned, words, data, serves)


def _known_edges(
    settings: Settings, name: str, previous: guard.Previous, facts: Facts
) -> list[str]:
    """The edges whose containers should be there: not what is new, nor what cannot be asked."""
    known = previous.running or {EDGE: {}}
    return [
        edge.part
        for edge in settings.edges
        if edge.part in known and f"{name}-{edge.part}" not in facts.troubles
    ]


def _refuse_leftovers(
    settings: Settings,
    name: str,
    previous: guard.Previous,
    edge: State | None,
    containers: Mapping[str, Container],
    drift: str,
) -> None:
    """Look into the state only when Docker has what the last update that ended did not leave."""
    parts = {*(edge.part for edge in settings.edges), *settings.declared}
    in_the_way = {name, *(f"{name}-{part}" for part in parts)}
    if previous.running is not None and not containers.keys() & parts - previous.running.keys():
        return
    dockers = dict.fromkeys([settings.docker, *(edge.docker for edge in settings.edges)])
    found = [thing for docker in dockers for thing in read_things(docker, name)]
    if settings.swarm:
        found += read_swarm_things(settings.docker, name)
    things = [thing for thing in found if thing.name in in_the_way]
    state = read_state(pulumi.get_stack()) if things else None
    if state is not None:
        refuse_leftovers(pulumi.get_stack(), things, state, edge, drift)
