"""News of a color that is one container, and its health asked from an edge."""

from collections.abc import Mapping

import httpx

from bluegreen.config.settings import Health
from bluegreen.docker.shell import Shell
from bluegreen.docker.transport import EdgeTransport
from bluegreen.docker.watch import Watch
from bluegreen.health.probe import Answer, ask


class ContainerWatch(Watch):
    """A watch of the container that can ask it, too."""

    def ask(self, shells: Mapping[str, Shell], url: str, health: Health, timeout: float) -> Answer:
        """Ask it once, from the first edge: its name leads to it from any."""
        shell = next(iter(shells.values()))
        with httpx.Client(transport=EdgeTransport(shell)) as client:
            return ask(client, url, health, timeout)
