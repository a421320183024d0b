"""The environment that a color gets: the stack's own, and what its data asks for."""

from collections.abc import Mapping

from bluegreen.config import defaults
from bluegreen.config.database import Database
from bluegreen.config.settings import Settings


def environment(settings: Settings, copy: str) -> Mapping[str, str]:
    """Variables by name; what the stack's `env` says wins."""
    return _for_data(settings, copy) | dict(settings.env)


def _for_data(settings: Settings, copy: str) -> dict[str, str]:
    data = settings.data
    grafana = data.url_env == defaults.URL_ENV
    if settings.database_url:
        url = Database.from_url(settings.database_url).copy(copy).url
        several = defaults.REPLICAS_ENV if settings.swarm else {}
        return {data.url_env: url} | (defaults.DATABASE_ENV | several if grafana else {})
    return dict(defaults.SQLITE_ENV) if settings.data_path == defaults.DATA_PATH else {}


def secret_variables(settings: Settings) -> set[str]:
    """Names of those that a Swarm keeps as secrets; it takes none that are empty."""
    names = {name for name, value in settings.env.items() if value and settings.env_is_secret}
    return names | ({settings.data.url_env} if settings.database_url else set())


def is_secret(settings: Settings) -> bool:
    """Whether the environment is not to be shown."""
    return settings.env_is_secret or bool(settings.database_url)
