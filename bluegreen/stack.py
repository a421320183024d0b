"""What a Pulumi stack says to the program: its config, and what its last update left."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from bluegreen import config, guard, plan
from bluegreen.edge import render
from bluegreen.settings import COLORS, Docker, Settings


@dataclass(frozen=True)
class Plan:
    """An update that the guard lets pass.

    Attributes:
        name: prefix of everything the stack makes in Docker.
        drift: how what nginx serves differs from the stack's outputs; "" when it does not.
        fingerprints: what each container is made of, for the next update's guard.
        words: the release in words; "" when there is none.
    """

    name: str
    drift: str
    fingerprints: dict[str, guard.Fingerprint]
    words: str


def read_settings(root: Path) -> Settings:
    """The stack's settings; raises ConfigError with every mistake."""
    prefix = f"{pulumi.get_project()}:"
    raw = {key.removeprefix(prefix): v for key, v in CONFIG.get().items() if key.startswith(prefix)}
    provider = pulumi.Config("docker")
    return config.load(
        raw,
        root,
        env_is_secret=is_config_secret(prefix + "env"),
        docker=Docker(
            host=provider.get("host") or "",
            context=provider.get("context") or "",
            cert_path=provider.get("certPath") or "",
        ),
    )


def guarded(settings: Settings, root: Path) -> Plan:
    """The update's plan, once the guard has let it pass; raises GuardRefused or ConfigError."""
    name = f"{pulumi.get_project()}-{pulumi.get_stack()}"
    # Rendered here too, so that a template's mistake is told before anything is declared.
    render(settings, settings.active_color, {color: f"{name}-{color}" for color in COLORS}, root)
    previous = guard.read_previous()
    edge = guard.read_edge(settings.docker, f"{name}-edge") if previous.live else None
    planned: dict[str, guard.Fingerprint] = {
        color: guard.fingerprint_color(settings, color, name, root) for color in settings.declared
    }
    planned["edge"] = guard.fingerprint_edge(settings)
    guard.refuse_interruptions(settings, previous, edge, planned)
    words = plan.describe(settings, name, previous, edge, planned)
    return Plan(name, guard.drift(previous, edge), planned, words)
