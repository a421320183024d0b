"""A color is a Swarm service of several replicas, behind one edge or several."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bluegreen.config.settings import Color, Docker, Health, Settings, Swarm
from bluegreen.data.environment import environment, secret_variables
from bluegreen.docker.facts import (
    COPY_LABEL,
    FINGERPRINT_LABEL,
    LABEL,
    STACK_LABEL,
    Container,
)
from bluegreen.docker.shell import Shell
from bluegreen.edge.upstream import Upstream
from bluegreen.platforms.platform import Target, Watched
from bluegreen.platforms.swarm.tasks import SWARM_LISTINGS, manager_trouble, read_services

if TYPE_CHECKING:
    import pulumi
    import pulumi_docker as docker

    from bluegreen.platforms.common import Made, Scope

# Failures of one replica that are too many for the gate: the first may be of one that waits for
# another one's migration.
TRIES = 2


class SwarmPlatform:
    """See `Platform`."""

    name = "swarm"
    upstream = Upstream(
        # Of several replicas some may be on a node that died: one that answers is found the sooner.
        connect_timeout="2s",
        repeat_unsent=True,
    )
    many_edges = True
    well = "its manager answers"
    way_out = "set docker:host to a manager, or create one with `docker swarm init`"
    data_modes = ("external", "none")
    has_volumes = False  # none is on several nodes
    # What a service runs on is named by its content, and is made anew beside it.
    idle_stays = False
    listings = SWARM_LISTINGS

    def make_network(self, scope: "Scope") -> "docker.Network":
        """An overlay over all nodes."""
        from bluegreen.platforms.swarm.service import make_overlay

        return make_overlay(scope)

    def make_color(
        self,
        scope: "Scope",
        color: Color,
        network: "docker.Network",
        data: "docker.Volume | None",  # noqa: ARG002
        after: "pulumi.Resource | None" = None,
    ) -> "Made":
        """A service, and how many replicas it has."""
        from bluegreen.platforms.swarm.service import make_replicas

        return make_replicas(scope, color, network, after)

    def target(self, settings: Settings, color: Color, container: str) -> Target:
        """All of its replicas, each at its own address."""
        url = f"{settings.health.scheme}://{container}:{settings.port}{settings.health.path}"
        count = replicas_of(settings, color)
        return Target(self.name, container, url, settings.docker, count)

    def outputs(self, settings: Settings, color: Color) -> dict[str, Any]:
        """How many replicas, which the next update's plan compares."""
        return {"replicas": replicas_of(settings, color)}

    def environment(self, settings: Settings, copy: str) -> Mapping[str, str]:
        """The usual, and what lets several start at once on one database."""
        return environment(settings, copy, several=True)

    def fingerprint(self, settings: Settings) -> dict[str, str]:
        """What replicas cannot change without being made anew; their number they can."""
        placement, reserved = _swarm(settings).placement, _swarm(settings).reservations
        return {
            "platform": self.name,
            "placement": json.dumps(
                [placement.constraints, placement.spread, placement.max_per_node]
            ),
            "reservations": f"{reserved.memory} MB, {reserved.cpus:g} CPUs",
            "stop_grace": str(settings.stop_grace),
            "secrets": json.dumps(sorted(secret_variables(settings))),
        }

    def fingerprint_edge(self) -> dict[str, str]:
        """It is on another kind of network."""
        return {"platform": self.name}

    def read(self, docker: Docker, service: str) -> Mapping[str, Container]:
        """Its services, each of which runs when a replica does."""
        return {
            part: Container(
                labels["state"],
                labels.get(FINGERPRINT_LABEL, ""),
                labels.get(COPY_LABEL, ""),
                labels.get(STACK_LABEL, ""),
            )
            for part, labels in read_services(docker, service, f"{LABEL}={service}").items()
        }

    def trouble(self, docker: Docker) -> str:
        """It must be a manager of the Swarm."""
        return manager_trouble(docker)

    def count(self, settings: Settings, color: Color) -> str:
        """How many replicas."""
        return f"{replicas_of(settings, color)} replicas of "

    def keeps(self, settings: Settings, color: Color) -> str:
        """Fewer replicas, perhaps."""
        return f", {replicas_of(settings, color)} replicas"

    def scaling(self, settings: Settings, before: int) -> str:
        """Nothing is lost, but for WebSockets on replicas that go."""
        live, after = settings.active_color, _swarm(settings).replicas
        if not before or before == after:
            return ""
        words = f"scale {live} from {before} to {after} replicas, in place: no request is lost"
        if after > before:
            return words
        return (
            f"{words}, but WebSockets on the removed replicas are closed at once\n"
            "  or      `bluegreen deploy`, which lets them drain on the outgoing color"
        )

    def watch(self, target: Target, *, starting: bool, fresh: bool = False) -> Watched:  # noqa: ARG002
        """Each replica; a Swarm has to be asked for news again and again."""
        from bluegreen.platforms.swarm.replicas import Replicas

        tries = TRIES if starting else 0
        return Replicas(target.container, target.replicas, target.docker, tries=tries)

    def look_again(self, target: Target, shells: Mapping[str, Shell], health: Health) -> None:
        """Ask every replica: nginx would lead to one of them."""
        from bluegreen.platforms.swarm.replicas import require_all

        require_all(target, shells, health)


def replicas_of(settings: Settings, color: Color) -> int:
    """How many replicas of a color there are after the update."""
    swarm = _swarm(settings)
    return swarm.replicas if color == settings.active_color else swarm.standby_replicas


def _swarm(settings: Settings) -> Swarm:
    assert settings.swarm, "of settings with another platform"
    return settings.swarm


SWARM = SwarmPlatform()
