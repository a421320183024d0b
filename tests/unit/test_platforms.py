"""What a color runs on: asked of one place, and loaded only where it is needed."""

import contextlib
import re
import subprocess
import sys
from typing import Any

import pytest

from bluegreen.config.parts import MODES
from bluegreen.errors import ConfigError
from bluegreen.platforms import PLATFORMS, named, of
from tests.unit.examples import ROOT, make_settings

# What may know a platform: the room itself, and what reads the keys that only one has.
ROOMS = ("platforms", "config")
URL = "postgres://me:hunter2@db/grafana"
ASKS = re.compile(r"settings\.swarm|isinstance\([^)]*(Replicas|Swarm|Container)Platform")


@pytest.mark.parametrize("name", PLATFORMS)
def test_settings_lead_to_their_platform(name: str) -> None:
    """By the name that config has for it."""
    assert of(make_settings(platform=name, data_path="")) is named(name)


def test_a_platform_that_does_not_exist_is_a_mistake_in_the_config() -> None:
    """With those that do."""
    with pytest.raises(ConfigError, match='platform: is "k8s"; allowed: container, swarm'):
        named("k8s")


@pytest.mark.parametrize("name", PLATFORMS)
@pytest.mark.parametrize("mode", MODES)
def test_a_platform_says_which_data_modes_a_config_may_have(name: str, mode: str) -> None:
    """What it cannot have is told when the config is read, before anything is touched."""
    given: dict[str, Any] = {"platform": name, "data": {"mode": mode}}
    given |= {"none": {"data_path": ""}, "external": {"database_url": URL}}.get(mode, {})
    refused: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if mode not in named(name).data_modes:
        refused = pytest.raises(ConfigError, match=f"data.mode: is {mode}")
    with refused:
        make_settings(secrets=["database_url"], **given)


def test_nobody_else_asks_which_platform_it_is() -> None:
    """A third one would be a folder, and no search for all the places that know of two."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "bluegreen").rglob("*.py")
        if path.relative_to(ROOT / "bluegreen").parts[0] not in ROOMS
        for line in path.read_text().splitlines()
        if ASKS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("bluegreen.release.switch", "pulumi"),
        ("bluegreen.release.switch", "pulumi_docker"),
        ("bluegreen.release.gate, bluegreen.resources.gate", "pulumi_docker"),
        ("bluegreen.platforms.swarm.replicas", "pulumi"),
        ("bluegreen.resources.gate, bluegreen.resources.identity", "bluegreen.data.modes"),
    ],
)
def test_a_gate_or_a_switch_loads_nothing_that_makes_things(modules: str, unwanted: str) -> None:
    """The Docker provider alone takes 0.3 s, of each release's time."""
    look = f"import sys, {modules}; print({unwanted!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
