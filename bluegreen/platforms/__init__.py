"""What a color runs on: one folder a platform, all behind one Protocol, beside what they share.

Nobody outside asks which platform it is: `of` and `named` give it, and it answers for itself.
"""

from bluegreen.config.settings import Settings
from bluegreen.errors import ConfigError
from bluegreen.platforms.platform import Platform

__all__ = ["PLATFORMS", "Platform", "named", "of"]

PLATFORMS = ("container", "swarm")


def of(settings: Settings) -> Platform:
    """The platform that a stack's settings name."""
    return named("swarm" if settings.swarm else "container")


def named(name: str) -> Platform:
    """The platform of this name, as config and the gate's and the switch's orders have it.

    Loaded when it is asked for: Pulumi starts a process for the providers at each update and
    preview, which imports this room and needs no platform while nothing is released.

    Raises:
        ConfigError: there is none.
    """
    if name == "container":
        from bluegreen.platforms.container.platform import CONTAINER

        return CONTAINER
    if name == "swarm":
        from bluegreen.platforms.swarm.platform import SWARM

        return SWARM
    raise ConfigError([f'platform: is "{name}"; allowed: {", ".join(PLATFORMS)}'])
