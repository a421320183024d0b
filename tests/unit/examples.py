"""Settings for tests, made the way the program makes them: from a stack's raw config."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bluegreen.config import load as config
from bluegreen.config.settings import Health, Settings

ROOT = Path(__file__).parents[2]
SMALLEST = {"active_color": "blue", "blue_version": "12.4.0"}


def make_settings(root: Path = ROOT, *, secrets: Sequence[str] = (), **raw: Any) -> Settings:
    """Settings of the smallest config, with these keys changed."""
    return config.load(SMALLEST | raw, root, secrets=secrets)


def make_health(**changed: Any) -> Health:
    """Grafana's health check, made quick, with these fields changed."""
    quick: dict[str, Any] = {"timeout": 5, "interval": 0}
    return make_settings(health=quick | changed).health_of("blue")
