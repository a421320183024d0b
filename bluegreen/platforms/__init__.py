"""What a color runs on: one folder a platform, all behind one Protocol, beside what they share.

Nobody outside asks which platform it is: `of` and `named` give it, and it answers for itself.
"""

from collections.abc import Mapping

from bluegreen.config.settings import Settings
from bluegreen.errors import ConfigError
from bluegreen.platforms.container.platform import ContainerPlatform
from bluegreen.platforms.platform import Platform
from bluegreen.platforms.swarm.platform import SwarmPlatform

__all__ = ["PLATFORMS", "Platform", "named", "of"]

PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform for platform in (ContainerPlatform(), SwarmPlatform())
}


def of(settings: Settings) -> Platform:
    """The platform that a stack's settings name."""
    return named("swarm" if settings.swarm else "container")


def named(name: str) -> Platform:
    """The platform of this name, as config and the gate's and the switch's orders have it.

    Raises:
        ConfigError: there is none.
    """
    if name not in PLATFORMS:
        raise ConfigError([f'platform: is "{name}"; allowed: {", ".join(PLATFORMS)}'])
    return PLATFORMS[name]
