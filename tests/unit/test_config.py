"""From raw config to settings: what is refused, in which words, and what the defaults are."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bluegreen.config import defaults
from bluegreen.config import load as config
from bluegreen.config.describe import written
from bluegreen.config.settings import Build, Docker, Settings
from bluegreen.config.table import KEYS
from bluegreen.config.written import read_written
from bluegreen.errors import ConfigError
from tests.unit.examples import ROOT, SMALLEST, make_settings

KNOWN = ", ".join(KEYS)
DIGEST = "sha256:" + "0123456789abcdef" * 4
HEALTH_KEYS = (
    "path, public, timeout, interval, passes, status, scheme, verify, host, headers, json, "
    "version_field, version"
)


def mistakes_of(raw: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """The mistakes that a config is refused for."""
    with pytest.raises(ConfigError) as refused:
        config.load(raw, root)
    return refused.value.mistakes


# Each row: what is changed in the smallest config → the mistake it is refused for.
BAD: list[tuple[dict[str, Any], str]] = [
    ({"active_color": ""}, "active_color: missing; allowed: blue or green"),
    ({"active_color": "red"}, 'active_color: is "red"; allowed: blue or green'),
    ({"active_color": "Blue"}, 'active_color: is "Blue"; allowed: blue or green'),
    (
        {"active_color": "green"},
        "green_version: missing; allowed: a tag or digest (green is active_color)",
    ),
    (
        {"blue_version": ""},
        "blue_version: missing; allowed: a tag or digest (blue is active_color)",
    ),
    (
        {"green_version": "12.4 beta"},
        'green_version: is "12.4 beta"; allowed: a tag (12.4.0) or a digest (sha256:…)',
    ),
    (
        {"green_version": "sha256:abc"},
        'green_version: is "sha256:abc"; allowed: a tag (12.4.0) or a digest (sha256:…)',
    ),
    (
        {"green_version": "-12"},
        'green_version: is "-12"; allowed: a tag (12.4.0) or a digest (sha256:…)',
    ),
    (
        {"image": "grafana/grafana:12.4.0"},
        'image: is "grafana/grafana:12.4.0"; allowed: an image\'s name without tag, such as '
        "grafana/grafana",
    ),
    (
        {"image": "-grafana"},
        'image: is "-grafana"; allowed: an image\'s name without tag, such as grafana/grafana',
    ),
    (
        {"edge_image": "nginx"},
        'edge_image: is "nginx"; allowed: an image of nginx >= 1.28, with its tag',
    ),
    *(
        (
            {"subnet": wrong},
            f'subnet: is "{wrong}"; allowed: a private range of at least 8 addresses, such as '
            "10.87.3.0/28",
        )
        for wrong in ("ten", "10.87.3.1/28", "8.8.8.0/24", "10.87.3.0/30")
    ),
    ({"port": "http"}, 'port: is "http"; allowed: port number from 1 to 65535'),
    ({"port": "0"}, 'port: is "0"; allowed: port number from 1 to 65535'),
    ({"port": "3000.5"}, 'port: is "3000.5"; allowed: whole port number from 1 to 65535'),
    ({"http_port": "65536"}, 'http_port: is "65536"; allowed: port number from 1 to 65535'),
    ({"http_port": "0"}, 'http_port: is "0"; allowed: port number from 1 to 65535'),
    ({"preview_port": "-1"}, 'preview_port: is "-1"; allowed: port number from 0 to 65535'),
    ({"blue_port": "nan"}, 'blue_port: is "nan"; allowed: port number from 0 to 65535'),
    ({"green_port": "inf"}, 'green_port: is "inf"; allowed: port number from 0 to 65535'),
    (
        {"http_port": "8080", "preview_port": "8080", "green_port": "8080"},
        "http_port, preview_port, green_port: all are 8080; allowed: a different port for each",
    ),
    (
        {"blue_port": "80"},
        "http_port, blue_port: all are 80; allowed: a different port for each",
    ),
    (
        {"http_address": "localhost"},
        'http_address: is "localhost"; allowed: an IP address of the host',
    ),
    (
        {"http_address": "10.0.0.256"},
        'http_address: is "10.0.0.256"; allowed: an IP address of the host',
    ),
    (
        {"direct_address": "::::"},
        'direct_address: is "::::"; allowed: an IP address of the host',
    ),
    (
        {"command": '{"run": "it"}'},
        'command: is "{\\"run\\": \\"it\\"}"; allowed: a list of words',
    ),
    ({"command": "grafana server"}, 'command: is "grafana server"; allowed: a list of words'),
    (
        {"data_path": "data"},
        'data_path: is "data"; allowed: an absolute path in the container, or "" for a service '
        "without data",
    ),
    (
        {"data_path": "/data:ro"},
        'data_path: is "/data:ro"; allowed: an absolute path in the container, or "" for a '
        "service without data",
    ),
    (
        {"env": '{"GF-LOG": "debug"}'},
        "env.GF-LOG: not usable; allowed: names of letters, digits and _, with plain values",
    ),
    (
        {"env": '{"GF_LOG": {"mode": "console"}}'},
        "env.GF_LOG: not usable; allowed: names of letters, digits and _, with plain values",
    ),
    (
        {"env": '{"GF_LOG": null}'},
        "env.GF_LOG: not usable; allowed: names of letters, digits and _, with plain values",
    ),
    (
        {"env": "[]"},
        "env: not usable; allowed: names of letters, digits and _, with plain values",
    ),
    ({"limits": '{"memory": -1}'}, "limits.memory: is -1; allowed: MB from 0 to 1048576"),
    (
        {"limits": '{"memory": 4}'},
        "limits.memory: is 4; allowed: 0 (no limit), or at least 6 MB",
    ),
    ({"limits": '{"cpus": "many"}'}, 'limits.cpus: is "many"; allowed: CPUs from 0 to 1024'),
    (
        {"limits": '{"disk": 1}'},
        "limits.disk: there is no such key; known: memory, cpus, files",
    ),
    ({"user": "a b"}, 'user: is "a b"; allowed: user[:group]'),
    ({"stop_grace": "0"}, 'stop_grace: is "0"; allowed: seconds from 1 to 600'),
    ({"standby": "perhaps"}, 'standby: is "perhaps"; allowed: remove or keep'),
    ({"drain_timeout": "3601"}, 'drain_timeout: is "3601"; allowed: seconds from 1 to 3600'),
    ({"drain_timeout": "1.5"}, 'drain_timeout: is "1.5"; allowed: whole seconds from 1 to 3600'),
    ({"prune": "yes"}, 'prune: is "yes"; allowed: true or false'),
    ({"allow_in_place": "1"}, 'allow_in_place: is "1"; allowed: true or false'),
    ({"health": "[]"}, f'health: is "[]"; allowed: an object with {HEALTH_KEYS}'),
    (
        {"health": '{"path": "api/health"}'},
        'health.path: is "api/health"; allowed: a path that starts with /',
    ),
    (
        {"health": '{"status": 99}'},
        'health.status: is 99; allowed: an HTTP status, a list of them, or a range ("200-299")',
    ),
    (
        {"health": '{"timeout": true}'},
        "health.timeout: is true; allowed: seconds from 0.1 to 3600",
    ),
    (
        {"health": '{"timeout": [30]}'},
        "health.timeout: is [30]; allowed: seconds from 0.1 to 3600",
    ),
    ({"health": '{"passes": 0}'}, "health.passes: is 0; allowed: passes from 1 to 100"),
    (
        {"health": '{"passes": 11, "interval": 3}'},
        "health.timeout: is 30; allowed: more than (passes - 1) x interval = 30 seconds",
    ),
    (
        {"health": '{"json": ["ok"]}'},
        'health.json: is ["ok"]; allowed: an object of fields and values',
    ),
    (
        {"health": '{"version": "12 4"}'},
        'health.version: is "12 4"; allowed: the version that the service reports',
    ),
    ({"bake": '{"seconds": -1}'}, "bake.seconds: is -1; allowed: seconds from 0 to 86400"),
    (
        {"bake": '{"max_error_share": 5}'},
        "bake.max_error_share: is 5; allowed: a share from 0 to 1",
    ),
    (
        {"bake": '{"min_requests": 0}'},
        "bake.min_requests: is 0; allowed: requests from 1 to 1000000",
    ),
    (
        {"build": '{"context": "nowhere"}'},
        'build.context: is "nowhere"; allowed: a folder, its path relative to the project',
    ),
    (
        {"build": '{"context": "nginx"}'},
        'build.dockerfile: "Dockerfile" is not a file; allowed: a file in nginx',
    ),
    (
        {"build": '{"context": "nginx", "dockerfile": "nginx.conf", "args": {"A": []}}'},
        "build.args.A: not usable; allowed: names of letters, digits and _, plain values",
    ),
    (
        {"build": '{"context": "nginx", "dockerfile": "nginx.conf", "version_arg": "A B"}'},
        'build.version_arg: is "A B"; allowed: the name of a build argument',
    ),
    (
        {"grafana_ini": "nowhere.ini"},
        'grafana_ini: "nowhere.ini" is not a file; allowed: a file, its path relative to '
        f"{ROOT.name}/",
    ),
    (
        {"service_template": "nginx"},
        'service_template: "nginx" is a directory; allowed: a file, its path relative to '
        f"{ROOT.name}/",
    ),
    ({"helth": "{}"}, "helth: there is no such key; did you mean health?"),
    (
        {"health": '{"intervall": 1}'},
        "health.intervall: there is no such key; did you mean health.interval?",
    ),
    ({"xyz": "1"}, f"xyz: there is no such key; known: {KNOWN}"),
]


@pytest.mark.parametrize(
    ("changed", "mistake"), BAD, ids=[json.dumps(changed) for changed, _ in BAD]
)
def test_a_mistake_is_told_by_key_with_the_value_and_what_is_allowed(
    changed: dict[str, Any], mistake: str
) -> None:
    """One bad value is one sentence, exactly this one, and no other."""
    assert mistakes_of(SMALLEST | changed) == [mistake]


def test_all_mistakes_are_told_together() -> None:
    """Nobody has to run the program once per mistake."""
    raw = SMALLEST | {"standby": "no", "helth": "{}", "drain_timeout": "0", "limits": '{"cpus":-1}'}
    with pytest.raises(ConfigError) as refused:
        config.load(raw, ROOT)
    assert str(refused.value) == (
        "the stack's config has 4 mistakes; nothing was touched:\n"
        "  - helth: there is no such key; did you mean health?\n"
        "  - limits.cpus: is -1; allowed: CPUs from 0 to 1024\n"
        '  - standby: is "no"; allowed: remove or keep\n'
        '  - drain_timeout: is "0"; allowed: seconds from 1 to 3600'
    )


def test_a_single_mistake_is_told_in_the_singular() -> None:
    """The message reads well for one mistake too."""
    with pytest.raises(ConfigError, match="has 1 mistake; nothing was touched"):
        config.load(SMALLEST | {"prune": "?"}, ROOT)


def test_color_and_version_are_all_that_a_grafana_needs() -> None:
    """Two keys make a whole Grafana: image, port, data, gate, bake and drain have defaults."""
    settings = make_settings()
    assert settings.active_color == "blue"
    assert settings.versions == {"blue": "12.4.0", "green": ""}
    assert settings.image == defaults.IMAGE
    assert settings.edge_image == defaults.EDGE_IMAGE
    assert (settings.port, settings.http_port, settings.preview_port) == (3000, 80, 0)
    assert settings.direct_ports == {"blue": 0, "green": 0}
    assert (settings.http_address, settings.direct_address) == ("0.0.0.0", "127.0.0.1")
    assert settings.data_path == "/var/lib/grafana"
    assert (settings.build, settings.command, settings.env) == (None, (), {})
    assert (settings.grafana_ini, settings.service_template, settings.user) == ("", "", "")
    assert settings.stop_grace >= 35, "Grafana finishes requests for up to 30 s"
    assert (settings.standby, settings.drain_timeout) == ("remove", 30)
    assert (settings.prune, settings.allow_in_place) == (True, False)
    assert settings.docker == Docker()
    health = settings.health_of("blue")
    assert (health.path, health.status, health.passes) == ("/api/health", "200", 3)
    assert health.json == {"database": "ok"}
    assert (health.version_field, health.version) == ("version", "12.4.0")
    assert settings.bake.seconds > 0, "real traffic is watched without being asked to"


def test_another_health_path_drops_what_only_grafana_answers() -> None:
    """A path of one's own is judged by its status alone, unless config says more."""
    own = make_settings(health={"path": "/healthz"}).health
    assert (own.json, own.version_field) == ({}, "")
    more = make_settings(
        health={"path": "/healthz", "json": {"up": True}, "version_field": "release"}
    ).health
    assert (more.json, more.version_field) == ({"up": True}, "release")


def test_grafanas_expectations_can_be_switched_off_one_by_one() -> None:
    """`json: {}` and `version_field: ""` mean: not looked at."""
    health = make_settings(health='{"json": {}, "version_field": ""}').health
    assert (health.json, health.version_field) == ({}, "")


def test_the_version_to_be_reported_may_differ_from_the_tag() -> None:
    """A tag such as `latest` promises no version; config can."""
    settings = make_settings(blue_version="latest", health={"version": "12.4.0"})
    assert settings.health_of("blue").version == "12.4.0"
    assert make_settings(blue_version="12.3").health_of("blue").version == "12.3"


def test_values_are_read_as_pulumi_gives_them() -> None:
    """Numbers and flags come as text, objects and lists as JSON text."""
    settings = make_settings(
        http_port="8090",
        prune="false",
        allow_in_place="true",
        command='["run", "it", 3]',
        env='{"A": "b", "N": 5, "T": true, "E": ""}',
        limits='{"memory": 512, "cpus": "1.5"}',
        health='{"timeout": "45", "interval": 0}',
        bake='{"seconds": 0}',
        build='{"context": "nginx", "dockerfile": "nginx.conf", "args": {"A": 1}}',
    )
    assert settings.http_port == 8090
    assert (settings.prune, settings.allow_in_place) == (False, True)
    assert settings.command == ("run", "it", "3")
    assert settings.env == {"A": "b", "N": "5", "T": "true", "E": ""}
    assert (settings.limits.memory, settings.limits.cpus) == (512, 1.5)
    assert (settings.health.timeout, settings.health.interval) == (45, 0)
    assert settings.bake.seconds == 0
    assert settings.build == Build("nginx", "nginx.conf", {"A": "1"}, defaults.VERSION_ARG)


def test_plain_python_values_are_read_alike() -> None:
    """A program of one's own may hand over objects instead of text."""
    assert make_settings(http_port=8090, prune=False, env={"A": "b"}) == make_settings(
        http_port="8090", prune="false", env='{"A": "b"}'
    )


def test_an_empty_data_path_means_a_service_without_data() -> None:
    """The one key where "" is a value, not "unset"."""
    assert make_settings(data_path="").data_path == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", "grafana/grafana-enterprise"),
        ("image", "registry.local:5000/team/my_app"),
        ("image", "localhost:5000/app"),
        ("edge_image", "nginx:1.30.6"),
        ("edge_image", "registry.local:5000/nginx:stable-alpine"),
        ("edge_image", f"nginx@{DIGEST}"),
        ("edge_image", f"nginx:1.30.6@{DIGEST}"),
        ("blue_version", "12.4.0-ubuntu"),
        ("blue_version", "v12"),
        ("blue_version", DIGEST),
        ("user", "472:0"),
        ("http_address", "::"),
        ("direct_address", "fd00::1"),
        ("grafana_ini", "grafana.ini"),
    ],
)
def test_a_usable_value_is_taken_as_it_is(key: str, value: str) -> None:
    """What Docker and nginx can use is not refused."""
    settings = config.load(SMALLEST | {key: value}, ROOT)
    blue = settings.versions["blue"]
    assert (blue if key == "blue_version" else getattr(settings, key)) == value


def test_the_mount_source_that_is_missing_is_named(tmp_path: Path) -> None:
    """Docker would make a directory of it, which Grafana then cannot read."""
    raw = SMALLEST | {"grafana_ini": "../local/grafana.ini"}
    assert mistakes_of(raw, tmp_path) == [
        'grafana_ini: "../local/grafana.ini" is not a file; allowed: a file, its path relative to '
        f"{tmp_path.name}/"
    ]


def test_the_mount_source_that_is_a_directory_is_named(tmp_path: Path) -> None:
    """What an earlier hand-run start may have left is told by name."""
    (tmp_path / "grafana.ini").mkdir()
    assert mistakes_of(SMALLEST | {"grafana_ini": "grafana.ini"}, tmp_path) == [
        'grafana_ini: "grafana.ini" is a directory; allowed: a file, its path relative to '
        f"{tmp_path.name}/"
    ]


@pytest.mark.parametrize(
    "env",
    [
        "hunter2",
        '["hunter2"]',
        '{"GF_PASSWORD": "hunter2"',
        '{"GF PASSWORD": "hunter2"}',
        '{"GF_PASSWORD": ["hunter2"]}',
        ["hunter2"],
    ],
)
def test_no_message_shows_a_value_of_env(env: Any) -> None:
    """It may be a secret, and messages end up in CI logs."""
    (mistake,) = mistakes_of(SMALLEST | {"env": env})
    assert "hunter2" not in mistake
    assert mistake.startswith("env")


def described() -> dict[str, dict[str, Any]]:
    """The config as Pulumi.yaml describes it."""
    text: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    return text["config"]


@pytest.mark.parametrize("name", ["Pulumi.yaml", "docs/config.md"])
def test_pulumi_yaml_and_the_docs_have_the_table_of_keys(name: str) -> None:
    """Word for word; `python -m bluegreen.config.describe` writes them anew."""
    text = (ROOT / name).read_text()
    assert written(text, name=Path(name).name) == text, "run python -m bluegreen.config.describe"
    assert set(KEYS) <= set(described())


def test_every_key_of_the_table_reaches_the_settings() -> None:
    """A key without a field is read, and used by nobody."""
    fields = {field.name for field in dataclasses.fields(Settings)}
    settled = {"blue_version", "green_version", "blue_port", "green_port"}  # by color
    of_swarm = {"platform", "replicas", "standby_replicas", "placement", "reservations"}
    assert set(KEYS) - fields == settled | of_swarm


def test_the_defaults_of_pulumi_yaml_are_those_of_the_code() -> None:
    """Pulumi hands its typed defaults over as text; they must mean the same as no config."""
    handed_over = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in ((key, entry["default"]) for key, entry in described().items())
    }
    assert config.load(handed_over | SMALLEST, ROOT) == make_settings()


def test_the_colors_that_run_follow_standby() -> None:
    """`keep` declares both colors once both have a version; `remove` the active one alone."""
    assert make_settings(green_version="12.3.0").declared == ("blue",)
    assert make_settings(standby="keep").declared == ("blue",)
    kept = make_settings(standby="keep", active_color="green", green_version="12.3.0")
    assert kept.declared == ("green", "blue")


def test_a_secret_is_refused_by_name_where_it_would_be_shown() -> None:
    """With the other mistakes, in one message; its value is never in it, right or wrong."""
    raw = SMALLEST | {"http_port": "8123", "health": '{"path": "hunter2"}', "prune": "?"}
    with pytest.raises(ConfigError) as refused:
        config.load(raw, ROOT, secrets=["http_port", "health", "env"])
    assert len(refused.value.mistakes) == 3
    assert "http_port: is a secret" in refused.value.mistakes[0]
    assert "health: is a secret" in refused.value.mistakes[1]
    assert "allowed: secrets in tls and database_url and env only" in refused.value.mistakes[1]
    assert not {"8123", "hunter2"} & set(str(refused.value).replace('"', " ").split())


def test_a_part_that_is_a_secret_is_named(tmp_path: Path) -> None:
    """As the file has it; the others of the same object are not to blame."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  shop:data:\n    mode: clone\n    copy: {secure: v1:x}\n"
    )
    raw = SMALLEST | {"data": '{"mode": "clone", "copy": "hunter2"}'}
    said = read_written(tmp_path, "shop", "dev")
    with pytest.raises(ConfigError) as refused:
        config.load(raw, ROOT, secrets=["data"], written=said)
    assert "data.copy: is a secret" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_name_leaves_room_for_the_longest_host_name() -> None:
    """A color's container is called by it, and host names have 63 characters at the most."""
    assert make_settings(name="shop-prod").prefix("bluegreen", "dev") == "shop-prod"
    assert make_settings().prefix("bluegreen", "dev") == "bluegreen-dev"
    for wrong in ("Shop", "-shop", "shop_prod", "s" * 58):
        assert "name: is" in mistakes_of(SMALLEST | {"name": wrong})[0]
