"""A service's place in an edge that it shares, and the edge's word that it still has services.

A service that leaves takes its folder with it, and nothing else. An edge is destroyed only when no
service is left: `pulumi destroy` does not run the program, so a resource that depends on all others
is deleted first, and refuses.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from bluegreen.config.settings import Place
from bluegreen.edge import scripts
from bluegreen.edge.opened import each, open_edges
from bluegreen.edge.services import read_services
from bluegreen.errors import StillUsed
from bluegreen.platforms.dynamic import Provider
from bluegreen.release.order import places_from


def _in_all(places: Sequence[Place], script: str) -> None:
    with open_edges(places, len(places)) as opened:
        each(opened.shells, lambda shell: shell.check(script, timeout=60))


class GuestProvider(Provider):
    """Gives a service its folder in each edge, and takes it away."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """In other edges it is another guest."""
        moved = _olds.get("edges") != _news.get("edges") or _olds["service"] != _news["service"]
        return DiffResult(changes=moved, replaces=["edges"] if moved else [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """From here on the edge has this service, released or not."""
        _in_all(places_from(props["edges"]), scripts.join(props["service"]))
        return CreateResult(id_=props["service"], outs=props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """The others stay; where the edge is gone, there is nothing to leave."""
        service = _props["service"]
        there = [
            place
            for place in places_from(_props["edges"])
            if any(one.name == service for one in read_services(place) or [])
        ]
        _in_all(there, scripts.leave(service))


class LastOneProvider(Provider):
    """Refuses to be deleted while there are services."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """It has to know the edges of today."""
        return DiffResult(changes=_olds.get("edges") != _news.get("edges"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Nothing to do before the end."""
        return CreateResult(id_=props["edge"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Nothing to do before the end."""
        return UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Raise StillUsed while there is a service in any edge."""
        for place in places_from(_props["edges"]):
            services = read_services(place)
            if services:
                names = ", ".join(one.name for one in services)
                raise StillUsed(
                    f"{place.container} still has services: {names}",
                    serves="nothing was deleted, and they keep serving",
                    todo="`pulumi destroy` their stacks first",
                )


class Guest(Resource, module="bluegreen", name="Guest"):
    """A service's place in the edges that it shares."""

    def __init__(
        self, name: str, service: str, edges: Sequence[Place], opts: pulumi.ResourceOptions
    ) -> None:
        """Declare it: `service` is the prefix of what its stack has in Docker."""
        inputs = {"service": service, "edges": [asdict(place) for place in edges]}
        super().__init__(GuestProvider(), name, inputs, opts)


class LastOne(Resource, module="bluegreen", name="LastOne"):
    """Deleted first, and only from an edge that has no services."""

    def __init__(
        self, name: str, edge: str, edges: Sequence[Place], opts: pulumi.ResourceOptions
    ) -> None:
        """Declare it: `edge` is the prefix of what the edge's stack has in Docker."""
        inputs = {"edge": edge, "edges": [asdict(place) for place in edges]}
        super().__init__(LastOneProvider(), name, inputs, opts)
