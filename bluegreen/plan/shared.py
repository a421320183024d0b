"""A shared edge: what its stack's outputs tell of it, and what the services on it claim."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from bluegreen.config.settings import Docker, Edge, Settings, Shared
from bluegreen.edge.guest import DEFAULT, claims_of
from bluegreen.edge.services import Service, read_services
from bluegreen.errors import BluegreenError, ConfigError
from bluegreen.platforms import of

OUTPUT = "edge"  # of a stack of kind edge


def whole_name(edge: str, organization: str, project: str) -> str:
    """The stack that config names, as Pulumi's backend knows it."""
    parts = edge.split("/")
    return "/".join([*[organization, project][: 3 - len(parts)], *parts])


def outputs_of(
    settings: Settings, name: str, network: Any, holders: Sequence[Any]
) -> dict[str, Any]:
    """What a stack of kind edge tells the stacks of its services; ids may be Pulumi's outputs."""
    return {
        "name": name,
        "platform": of(settings).name,
        "required": settings.edges_required,
        "edges": [asdict(edge) for edge in settings.edges],
        "network": network,
        "holders": list(holders),
        "https_port": settings.https_port,
        "acme": bool(settings.tls),
    }


def on_shared(settings: Settings, said: Any) -> Settings:
    """The settings of a service, with the edge that it shares.

    Args:
        settings: the stack's settings.
        said: what the outputs of the edge's stack say of it; None = nothing.

    Raises:
        ConfigError: there is no such edge, or it cannot be this service's.
    """
    if not isinstance(said, Mapping):
        raise ConfigError(
            [
                f'edge: "{settings.edge}" has no edge to share; allowed: a stack of kind edge '
                "that `pulumi up` has made (its outputs have `edge`)"
            ]
        )
    edges = tuple(_edge(each) for each in said["edges"])
    own = of(settings).name
    mistakes = []
    if said["platform"] != own:
        mistakes.append(
            f"platform: is {own}, and {settings.edge} is an edge of platform {said['platform']}; "
            "allowed: the same"
        )
    elif not of(settings).many_edges and edges[0].docker != settings.docker:
        mistakes.append(
            f"docker:host: the edge of {settings.edge} is on another Docker "
            f"({edges[0].docker.host or edges[0].docker.context or 'the local one'}); allowed: "
            "the same, as both share a network"
        )
    https_port = int(said.get("https_port") or 0)
    if settings.tls and not https_port:
        mistakes.append(
            f"tls: {settings.edge} has no port for it; allowed: with https_port in its stack"
        )
    if settings.tls and settings.tls.acme and not said.get("acme"):
        mistakes.append(
            f"tls.acme: {settings.edge} has no ACME account; allowed: with tls.acme in its stack"
        )
    if mistakes:
        raise ConfigError(mistakes)
    shared = Shared(said["name"], said["network"], tuple(said["holders"]))
    return replace(
        settings,
        edges=edges,
        edges_required=int(said["required"]),
        https_port=https_port,
        shared=shared,
    )


def _edge(said: Mapping[str, Any]) -> Edge:
    # Pulumi keeps each number as one with a fraction.
    plain: dict[str, Any] = {
        "docker": Docker(**said["docker"]),
        "http_port": int(said["http_port"]),
    }
    return Edge(**{**said, **plain})


def refused(settings: Settings, name: str) -> list[str]:
    """Why this service cannot be on the edge: that is not there, or what it claims is another's."""
    found = []
    for place in settings.places(name):
        try:
            services = read_services(place)
        except BluegreenError as error:
            found.append(f"{place.container} could not be asked: {error}. Next: bring it back")
            continue
        if services is None:
            found.append(
                f"{place.container} is not there, though the outputs of {settings.edge} name it. "
                f"Next: `pulumi up --stack {settings.edge}`"
            )
            continue
        found += taken(settings, name, services)
    return list(dict.fromkeys(found))


def taken(settings: Settings, name: str, services: Iterable[Service]) -> list[str]:
    """What this service claims and another one has."""
    others = {claim: each.name for each in services if each.name != name for claim in each.claims}
    return [_taken(claim, others[claim]) for claim in claims_of(settings) if claim in others]


def _taken(claim: str, other: str) -> str:
    if claim == DEFAULT:
        return f"default: {other} is the default of this edge. Next: set it to false in one of both"
    return (
        f"hosts, path_prefix: {claim.removesuffix('/')} is claimed by {other} on this edge. Next: "
        "name another host or prefix in one of both"
    )
