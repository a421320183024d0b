"""From a stack's raw config to `Settings`: every mistake is collected, then told at once."""

import ipaddress
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

from bluegreen.config import defaults
from bluegreen.config.data import read_data
from bluegreen.config.reader import Reader
from bluegreen.config.settings import (
    COLORS,
    EDGE,
    Bake,
    Build,
    Color,
    Docker,
    Edge,
    Health,
    Settings,
)
from bluegreen.config.swarm import read_address, read_edges, read_limits, read_swarm
from bluegreen.errors import ConfigError

KEYS = (
    "active_color blue_version green_version image build port command http_port http_address "
    "preview_port blue_port green_port direct_address data_path data database_url grafana_ini env "
    "limits user stop_grace standby health bake drain_timeout prune allow_in_place edge_image "
    "service_template subnet platform replicas standby_replicas placement reservations edges "
    "edges_required name"
).split()

# Docker's own grammar for tags, and digests: https://docs.docker.com/reference/cli/docker/image/tag
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE = re.compile(r"([a-z0-9.-]+:\d+/)?[a-z0-9]+([._/-]+[a-z0-9]+)*", re.IGNORECASE)
_FULL_IMAGE = re.compile(
    f"{_IMAGE.pattern}(:{_TAG.pattern}|(:{_TAG.pattern})?@{_DIGEST.pattern})", re.IGNORECASE
)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_USER = re.compile(r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?")


def load(
    raw: Mapping[str, Any],
    root: Path,
    *,
    secrets: Collection[str] = (),
    docker: Docker | None = None,
) -> Settings:
    """Make settings of the stack's raw config.

    Args:
        raw: config keys without namespace; values as Pulumi gives them (text, objects as JSON).
        root: the project's folder, which paths in the config start from.
        secrets: the keys that were set with --secret.
        docker: the docker provider's settings.

    Raises:
        ConfigError: with every mistake, not just the first.
    """
    mistakes: list[str] = []
    read = Reader(raw, mistakes, KEYS)
    ports: dict[str, int] = {
        key: read.integer(key, default, low, 65535, "port number")
        for key, default, low in (
            ("http_port", 80, 1),
            ("preview_port", 0, 0),
            ("blue_port", 0, 0),
            ("green_port", 0, 0),
        )
    }
    _tell_ports_used_twice(ports, mistakes)
    swarm = read_swarm(read)
    data_path, data, database_url = read_data(read, secrets, swarm=bool(swarm))
    docker = docker or Docker()
    http_address = read_address(read, "http_address", "0.0.0.0")
    edges, edges_required = read_edges(
        read, Edge(EDGE, docker, http_address, ports["http_port"]), swarm=bool(swarm)
    )
    settings = Settings(
        active_color=cast("Color", read.choice("active_color", "", COLORS)),
        versions={color: _version(read, color) for color in COLORS},
        image=read.text(
            "image", defaults.IMAGE, _IMAGE, "an image's name without tag, such as grafana/grafana"
        ),
        build=_build(read, root),
        port=read.integer("port", defaults.PORT, 1, 65535, "port number"),
        command=_command(read),
        http_port=ports["http_port"],
        http_address=http_address,
        preview_port=ports["preview_port"],
        direct_ports={"blue": ports["blue_port"], "green": ports["green_port"]},
        direct_address=read_address(read, "direct_address", "127.0.0.1"),
        data_path=data_path,
        data=data,
        database_url=database_url,
        grafana_ini=_file(read, "grafana_ini", root),
        env=read.strings("env", _ENV_NAME, "names of letters, digits and _, with plain values"),
        env_is_secret="env" in secrets,
        limits=read_limits(read, "limits"),
        user=read.text("user", "", _USER, "user[:group]"),
        stop_grace=read.integer("stop_grace", defaults.STOP_GRACE, 1, 600, "seconds"),
        standby=cast("Any", read.choice("standby", "remove", ("remove", "keep"))),
        health=_health(read),
        bake=_bake(read),
        drain_timeout=read.integer("drain_timeout", 30, 1, 3600, "seconds"),
        prune=read.flag("prune", True),
        allow_in_place=read.flag("allow_in_place", False),
        edge_image=read.text(
            "edge_image",
            defaults.EDGE_IMAGE,
            _FULL_IMAGE,
            "an image of nginx >= 1.28, with its tag",
        ),
        service_template=_file(read, "service_template", root),
        subnet=_subnet(read),
        edges=edges,
        edges_required=edges_required,
        swarm=swarm,
        name=read.text("name", "", _NAME, "a-z, 0-9 and -"),
        docker=docker,
    )
    active = raw.get("active_color")
    if active in COLORS and not settings.versions[active]:
        read.wrong(f"{active}_version", f"a tag or digest ({active} is the active color)")
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def _tell_ports_used_twice(ports: Mapping[str, int], mistakes: list[str]) -> None:
    for key, port in ports.items():
        same = [name for name, number in ports.items() if number == port]
        if port and same[0] == key and len(same) > 1:
            mistakes.append(
                f"{', '.join(same)}: all are {port}; allowed: a port of its own for each"
            )


def _command(read: Reader) -> tuple[str, ...]:
    words = read.structure("command", list, "a list of words")
    if any(isinstance(word, dict | list) or word is None for word in words):
        read.wrong("command", "a list of words")
        return ()
    return tuple(str(word) for word in words)


def _version(read: Reader, color: Color) -> str:
    pattern = re.compile(f"{_TAG.pattern}|{_DIGEST.pattern}")
    return read.text(f"{color}_version", "", pattern, "a tag (12.4.0) or a digest (sha256:…)")


def _subnet(read: Reader) -> str:
    allowed = "a private range of at least 8 addresses, such as 10.87.3.0/28"
    subnet = read.text("subnet", "", None, allowed)
    try:
        network = ipaddress.ip_network(subnet) if subnet else None
    except ValueError:
        network = None
    if subnet and (not network or not network.is_private or network.num_addresses < 8):
        read.wrong("subnet", allowed)
    return subnet


def _file(read: Reader, key: str, root: Path) -> str:
    path = read.text(key, "", None, "the path of a file")
    if path and not (root / path).is_file():
        # A missing mount source is made a *directory* by Docker: say so here, by name.
        what = "a directory" if (root / path).is_dir() else "no file"
        read.mistakes.append(
            f'{key}: "{path}" is {what}; allowed: a file, its path relative to {root.name}/'
        )
        return ""
    try:
        (root / path).read_text() if path else ""
    except (UnicodeDecodeError, PermissionError) as error:
        read.mistakes.append(f'{key}: "{path}" cannot be read ({error}); allowed: a UTF-8 text')
        return ""
    return path


def _build(read: Reader, root: Path) -> Build | None:
    build = read.nested("build", ["context", "dockerfile", "args", "version_arg"])
    if not build.raw:
        return None
    context = build.text("context", ".", None, "a folder")
    dockerfile = build.text("dockerfile", "Dockerfile", None, "a file in the context")
    if not (root / context).is_dir():
        build.wrong("context", "a folder, its path relative to the project")
    elif not (root / context / dockerfile).is_file():
        build.mistakes.append(
            f'build.dockerfile: "{dockerfile}" is no file; allowed: a file in {context}'
        )
    return Build(
        context=context,
        dockerfile=dockerfile,
        args=build.strings("args", _ENV_NAME, "names of letters, digits and _, plain values"),
        version_arg=build.text(
            "version_arg", defaults.VERSION_ARG, _ENV_NAME, "the name of a build argument"
        ),
    )


def _health(read: Reader) -> Health:
    health = read.nested(
        "health",
        "path timeout interval passes status json version_field version".split(),
    )
    path = health.text("path", defaults.HEALTH_PATH, re.compile(r"/[^\s'\"]*"), "a path from /")
    # The expectations of the default path's answer say nothing about another path's.
    grafana = path == defaults.HEALTH_PATH
    fields = health.structure("json", dict, "an object of fields and values")
    result = Health(
        path=path,
        timeout=health.number("timeout", 30, 0.1, 3600, "seconds"),
        interval=health.number("interval", 0.2, 0, 60, "seconds"),
        passes=health.integer("passes", 3, 1, 100, "passes"),
        status=health.integer("status", 200, 100, 599, "HTTP status"),
        json=fields if "json" in health.raw or not grafana else defaults.HEALTH_JSON,
        version_field=health.text(
            "version_field", defaults.HEALTH_VERSION_FIELD if grafana else "", None, "a name"
        )
        if health.raw.get("version_field") != ""
        else "",
        version=health.text("version", "", _TAG, "the version that the service reports"),
    )
    if (result.passes - 1) * result.interval >= result.timeout:
        read.mistakes.append(
            f"health.timeout: is {result.timeout:g}; allowed: more than (passes - 1) x interval "
            f"= {(result.passes - 1) * result.interval:g} seconds"
        )
    return result


def _bake(read: Reader) -> Bake:
    bake = read.nested("bake", ["seconds", "max_error_share", "min_requests"])
    return Bake(
        seconds=bake.number("seconds", 10, 0, 86400, "seconds"),
        max_error_share=bake.number("max_error_share", 0.05, 0, 1, "a share"),
        min_requests=bake.integer("min_requests", 20, 1, 1_000_000, "requests"),
    )
