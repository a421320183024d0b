"""The stacks that come with the project: sound config, and room for all of them on one host."""

from typing import Any

import yaml

from bluegreen.config import load as config
from bluegreen.config.settings import Settings
from tests.unit.examples import ROOT

STACKS = ("dev", "staging", "prod")


def content(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    return found


def settings(stack: str) -> Settings:
    raw = {key.removeprefix("bluegreen:"): v for key, v in content(stack)["config"].items()}
    return config.load(raw, ROOT)


def test_every_stack_file_has_sound_config() -> None:
    """Each loads without a mistake, and names the version that is to be live."""
    for stack in STACKS:
        assert settings(stack).versions[settings(stack).active_color]


def test_no_two_stacks_want_the_same_port() -> None:
    """All three run side by side on one host."""
    ports = [
        port
        for each in map(settings, STACKS)
        for port in (each.http_port, each.preview_port, *each.direct_ports.values())
        if port
    ]
    assert len(ports) == len(set(ports))
