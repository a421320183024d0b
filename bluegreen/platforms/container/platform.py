"""A color is one container, on the stack's one Docker host."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bluegreen.config.parts import MODES
from bluegreen.config.settings import Color, Docker, Health, Settings
from bluegreen.data.environment import environment
from bluegreen.docker.facts import Container, Listing
from bluegreen.docker.shell import Shell
from bluegreen.edge.upstream import Upstream
from bluegreen.platforms.platform import Target, Watched

if TYPE_CHECKING:
    import pulumi
    import pulumi_docker as docker

    from bluegreen.platforms.common import Made, Scope


class ContainerPlatform:
    """See `Platform`."""

    name = "container"
    upstream = Upstream(connect_timeout="5s", repeat_unsent=False)
    many_edges = False
    data_modes = MODES
    has_volumes = True
    idle_stays = True
    listings: tuple[Listing, ...] = ()
    well = "any Docker will do"
    way_out = "name another Docker with docker:host"

    def make_network(self, scope: "Scope") -> "docker.Network":
        """A bridge of the one host."""
        from bluegreen.platforms.container.made import make_network

        return make_network(scope)

    def make_color(
        self,
        scope: "Scope",
        color: Color,
        network: "docker.Network",
        data: "docker.Volume | None",
        after: "pulumi.Resource | None" = None,
    ) -> "Made":
        """Its image and its container."""
        from bluegreen.platforms.container.made import make_color, make_image

        return make_color(scope, color, make_image(scope, color), network, data, after)

    def target(self, settings: Settings, color: Color, container: str) -> Target:  # noqa: ARG002
        """Asked by its name."""
        url = f"{settings.health.scheme}://{container}:{settings.port}{settings.health.path}"
        return Target(self.name, container, url, settings.docker)

    def outputs(self, settings: Settings, color: Color) -> dict[str, Any]:  # noqa: ARG002
        """Nothing more."""
        return {}

    def environment(self, settings: Settings, copy: str) -> Mapping[str, str]:
        """The usual."""
        return environment(settings, copy)

    def fingerprint(self, settings: Settings) -> dict[str, str]:  # noqa: ARG002
        """Nothing more."""
        return {}

    def fingerprint_edge(self) -> dict[str, str]:
        """Nothing more."""
        return {}

    def read(self, docker: Docker, service: str) -> Mapping[str, Container]:  # noqa: ARG002
        """Nothing: all that it has are containers."""
        return {}

    def trouble(self, docker: Docker) -> str:  # noqa: ARG002
        """Any Docker will do."""
        return ""

    def count(self, settings: Settings, color: Color) -> str:  # noqa: ARG002
        """There is one."""
        return ""

    def keeps(self, settings: Settings, color: Color) -> str:  # noqa: ARG002
        """All of it."""
        return ""

    def scaling(self, settings: Settings, before: int) -> str:  # noqa: ARG002
        """There always is one."""
        return ""

    def watch(self, target: Target, *, starting: bool, fresh: bool = False) -> Watched:  # noqa: ARG002
        """The container's end is news the moment it happens."""
        from bluegreen.platforms.container.watch import ContainerWatch

        return ContainerWatch(target.container, target.docker, fresh=fresh)

    def look_again(self, target: Target, shells: Mapping[str, Shell], health: Health) -> None:
        """Nothing: the switch itself asks the one that there is, through nginx."""


CONTAINER = ContainerPlatform()
