"""The environment that a color gets: the stack's own, and what its data asks for."""

from collections.abc import Mapping

from bluegreen.config.settings import Settings
from bluegreen.data import modes


def environment(settings: Settings, copy: str, *, several: bool = False) -> Mapping[str, str]:
    """Variables by name; what the stack's `env` says wins.

    `several`: whether more than one of a color may start at once on one database.
    """
    return modes.of(settings).environment(copy, several=several) | dict(settings.env)


def secret_variables(settings: Settings) -> set[str]:
    """Names of those that a Swarm keeps as secrets; it takes none that are empty."""
    names = {name for name, value in settings.env.items() if value and settings.env_is_secret}
    return names | ({settings.data.url_env} if settings.database_url else set())


def is_secret(settings: Settings) -> bool:
    """Whether the environment is not to be shown."""
    return settings.env_is_secret or bool(settings.database_url)
