"""What the table of config keys says of each key is so: the program is run with it changed.

This is what tells whoever adds a key what was forgotten.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from bluegreen.config.kinds import EFFECTS, Choice, Effect, Flag, Key, Number, Whole
from bluegreen.config.settings import COLORS
from bluegreen.config.table import leaves
from tests.program.harness import NAME, Run, run_program
from tests.unit.conftest import FakeDocker

URL = "postgres://me:secret@db/other"
BOTH = {
    "active_color": "blue",
    "blue_version": "12.4.0",
    "green_version": "12.3.0",
    "standby": "keep",
    "allow_in_place": True,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "container": BOTH,
    "swarm": BOTH
    | {
        "platform": "swarm",
        "data_path": "",
        "replicas": 3,
        "edges": [{"name": "a", "host": "ssh://op@a"}, {"name": "b", "host": "ssh://op@b"}],
    },
}
BUILT = {"context": "evidence/standin"}
# Values that are files of this project; those of the table are for readers.
FILES = {
    "build.context": "tools/setup/images/edge",
    "build.dockerfile": "app.py",
    "service_template": "tests/program/service.conf",
    "http_template": "tests/program/http.conf",
    "tls.certificate": "tests/program/two.pem",
    "tls.key": "tests/program/same.key",
    "tls.acme.ca": "tests/program/two.pem",
}
GIVEN = {"certificate": "tests/program/one.pem", "key": "tests/program/one.key"}
ACME = {"acme": {"email": "me@example.com"}}
# What a key needs beside it to have a meaning: on both sides of the comparison.
NEEDS: dict[str, dict[str, Any]] = {
    "green_version": {"active_color": "green"},
    "green_port": {"active_color": "green"},
    "build.context": {"build": BUILT},
    "build.dockerfile": {"build": BUILT},
    "build.args": {"build": BUILT},
    "build.version_arg": {"build": BUILT},
    "data.url_env": {"database_url": URL},
    "data.reads": {"data": {"mode": "clone"}},
    "platform": {"data_path": ""},
    **{
        key: {"edge": "front", "hosts": ["b.example.com"], "edges": []}
        for key in ("hosts", "path_prefix", "strip_path_prefix", "default", "preview_host")
    },
    "edge": {"edges": []},
    "https_port": {"https_port": 443},
    "proxy_protocol": {"trusted_proxies": ["192.0.2.0/24"]},
    **{f"tls.{key}": {"tls": GIVEN} for key in ("certificate", "key", "redirect", "hsts")},
    **{
        f"tls.acme.{key}": {"tls": ACME, "hosts": ["a.example.com"], "edges": []}
        for key in ("email", "server", "ca", "image")
    },
    "swarm data.copy": {"database_url": URL},
    "swarm data_path": {"database_url": URL},
}
NEEDS["strip_path_prefix"] |= {"path_prefix": "/b"}
NEEDS["preview_from"] = NEEDS["preview_host"] | {"preview_host": "preview.example.com"}
# Hosts have a meaning with `edge` alone, and `edge` needs them.
WITH = {"edge": {"hosts": ["a.example.com"]}}
# A stack never becomes another kind: test_shared_edge says what happens then.
NEVER = ("kind",)
# On a Swarm all data is in a database, or there is none.
NOT_ON_A_SWARM = ("platform", "data.mode", "data.reads")


def example(key: Key) -> Any:
    """Another value than the default: the table's own, or one that follows from the kind."""
    if key.name in FILES or key.example is not None:
        return FILES.get(key.name, key.example)
    if isinstance(key.kind, Flag):
        return not key.default
    if isinstance(key.kind, Choice):
        return next(word for word in key.kind.words if word != key.default)
    assert isinstance(key.kind, Whole | Number), f"{key.name}: give an `example` in the table"
    return key.default + 1 if key.default + 1 <= key.kind.high else key.kind.low


def changed(config: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """The config with another value of this key."""
    value, whole = example(key), dict(config)
    if key.name.startswith("edges[]."):
        first, *rest = whole["edges"]
        return whole | {"edges": [first | {key.name.removeprefix("edges[]."): value}, *rest]}
    whole |= WITH.get(key.name, {})
    outer, _, inner = key.name.partition(".")
    middle, _, innermost = inner.partition(".")
    if innermost:
        whole[outer] = {**whole[outer], middle: {**whole[outer][middle], innermost: value}}
        return whole
    if inner:
        return whole | {outer: {**whole.get(outer, {}), inner: value}}
    return whole | {outer: "remove" if key.name == "standby" else value}


@pytest.fixture(autouse=True)
def manager(docker: FakeDocker) -> FakeDocker:
    """A Docker that manages a Swarm, and that has both colors."""
    docker.does("info", "echo true")
    docker.does("service", "")
    docker.does("cp", "echo 'Could not find the file' >&2; exit 1")
    rows = [rf"printf 'id\t{NAME}-{color}\trunning\t\t\t\n'" for color in COLORS]
    docker.does("ps", "\n".join(rows))
    return docker


@cache
def run(config: str) -> Run:
    """The program with this config, as JSON, on a stack that has both colors."""
    given = json.loads(config)
    parts = ["blue", "green", "edge", *(f"edge-{each['name']}" for each in given.get("edges", []))]
    before = {
        "live": {"color": "blue"},
        "name": given.get("name", NAME),
        "fingerprints": {part: {"of": "before"} for part in parts},
        "identity": {"id": "id", "key": "key"},
    }
    return run_program(given, previous=before, secret=("database_url",))


# What follows from the color's container, and from this machine.
FOLLOWS = ("container_id", "__provider")


def touched(before: Run, after: Run) -> tuple[Effect, ...]:
    """What differs between two runs: of what the containers are, and what gate and switch get."""

    def made(run: Run, edge: bool) -> dict[str, Any]:
        return {
            part: (parts, run.inputs(part)["name"], run[part].options.provider)
            for part, parts in run.outputs["fingerprints"].items()
            if part.startswith("edge") == edge
        }

    def told(run: Run) -> list[Any]:
        return [
            {key: value for key, value in run.inputs(step).items() if key not in FOLLOWS}
            for step in ("gate", "switch")
        ]

    differs = {
        "color": made(before, False) != made(after, False),
        "edge": (made(before, True), hosts(before)) != (made(after, True), hosts(after)),
        "switch": told(before) != told(after),
    }
    return tuple(each for each in EFFECTS if differs.get(each)) or ("nothing",)


def hosts(run: Run) -> list[Mapping[str, Any]]:
    """The edges' own providers of Docker."""
    return [run.inputs(name) for name in sorted(run.resources) if name.startswith("docker-")]


KEYS = [
    (platform, key)
    for platform in CONFIGS
    for key in leaves()
    if key.effects_on(swarm=platform == "swarm")
    and key.name not in NEVER
    and not (platform == "swarm" and key.name in NOT_ON_A_SWARM)
]


@pytest.mark.parametrize(("platform", "key"), KEYS, ids=[f"{p} {k.name}" for p, k in KEYS])
def test_a_change_of_a_key_touches_what_the_table_says(platform: str, key: Key) -> None:
    """A color's key that its fingerprint does not tell of would be changed under users, unsaid."""
    config = CONFIGS[platform] | NEEDS.get(key.name, {}) | NEEDS.get(f"{platform} {key.name}", {})
    before, after = (run(json.dumps(each)) for each in (config, changed(config, key)))
    stated = key.effects_on(swarm=platform == "swarm")
    assert touched(before, after) == stated, f"{key.name}: its effects in the table are {stated}"


def test_every_key_states_an_effect() -> None:
    """On one platform at least, and only effects that there are; `nothing` stands alone."""
    for key in leaves():
        assert key.effects, f"{key.name}: has no effects in the table"
        assert set(key.effects) <= set(EFFECTS)
        assert "nothing" not in key.effects or len(key.effects) == 1, key.name
