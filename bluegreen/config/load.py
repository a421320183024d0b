"""From a stack's raw config to `Settings`: every mistake is collected, then told at once."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bluegreen.config import defaults
from bluegreen.config.data import settle_data
from bluegreen.config.edges import check_hosts, refused
from bluegreen.config.kinds import Key, Values
from bluegreen.config.reader import Notes, Reader
from bluegreen.config.scalars import Hidden
from bluegreen.config.settings import COLORS, Bake, Build, Docker, Health, Limits, Settings
from bluegreen.config.swarm import settle_edges, settle_swarm
from bluegreen.config.table import KEYS, TABLE
from bluegreen.config.tls import settle_port, settle_tls
from bluegreen.config.written import Written, of_value
from bluegreen.errors import ConfigError

_MAY_BE_SECRET = [key.name for key in TABLE if key.secret]


@dataclass(frozen=True)
class Reading:
    """A config that was read.

    Attributes:
        settings: with the default in the place of every mistake.
        mistakes: a sentence for each, by key.
        doubts: what is taken in one way and may be meant in another; a sentence for each, by key.
    """

    settings: Settings
    mistakes: tuple[str, ...]
    doubts: tuple[str, ...]

    def checked(self) -> Settings:
        """The settings; raises ConfigError with every mistake, if there is one."""
        if self.mistakes:
            raise ConfigError(list(self.mistakes))
        return self.settings


def load(
    raw: Mapping[str, Any],
    root: Path,
    *,
    secrets: Collection[str] = (),
    docker: Docker | None = None,
    written: Written | None = None,
) -> Settings:
    """Make settings of the stack's raw config.

    Args:
        raw: config keys without namespace; values as Pulumi gives them (text, objects as JSON).
        root: the project's folder, which paths in the config start from.
        secrets: the keys that were set with --secret, or that have a part that was.
        docker: the docker provider's settings.
        written: what the stack's file says (see `written`); None = the values are as written.

    Raises:
        ConfigError: with every mistake, not just the first.
    """
    return read_config(raw, root, secrets=secrets, docker=docker, written=written).checked()


def read_config(
    raw: Mapping[str, Any],
    root: Path,
    *,
    secrets: Collection[str] = (),
    docker: Docker | None = None,
    written: Written | None = None,
) -> Reading:
    """As `load`, for a look at what there is: mistakes are told beside the settings."""
    notes = Notes()
    if written is None:
        written = {key: of_value(value) for key, value in raw.items()}
    silent = [key for key in secrets if key in KEYS and key not in _MAY_BE_SECRET]
    read = Reader(raw, written, notes, KEYS, silent=silent)
    for key in silent:
        what = ", ".join(_secret_parts(key, written.get(key))) or key
        notes.mistakes.append(
            f"{what}: is a secret, which would be shown in logs and in Docker; allowed: secrets in "
            f"{' and '.join(_MAY_BE_SECRET)} only"
        )
    values = _read_values(read, root)
    settle_port(values)
    _tell_ports_used_twice(values)
    check_hosts(values)
    swarm, docker = settle_swarm(values), docker or Docker()
    data_path, data, database_url = settle_data(values, secrets)
    edges, edges_required = settle_edges(values, docker)
    settled = {
        "versions": {color: values[f"{color}_version"] for color in COLORS},
        "direct_ports": {color: values[f"{color}_port"] for color in COLORS},
        "build": _build(values, root),
        "limits": Limits(**values["limits"]),
        "health": _health(values["health"], _sub_path(values)),
        "bake": Bake(**values["bake"]),
        "data_path": data_path,
        "data": data,
        "database_url": database_url,
        "env_is_secret": "env" in secrets,
        "swarm": swarm,
        "edges": edges,
        "edges_required": edges_required,
        "docker": docker,
        "tls": settle_tls(values, secrets, root),
    }
    plain = {each.name: values[each.name] for each in fields(Settings) if each.name in values}
    settings = Settings(**plain | settled)
    active = settings.active_color
    if (
        settings.kind == "service"
        and active == raw.get("active_color")
        and not read.is_set(f"{active}_version")
    ):
        read.wrong(f"{active}_version", f"a tag or digest ({active} is active_color)")
    _tell_names_that_are_too_long(settings, read)
    return Reading(settings, tuple(notes.mistakes), tuple(notes.doubts))


def _read_values(read: Reader, root: Path) -> Values:
    """All values by the table; what another kind of stack or platform has is refused by name."""
    table = {key.name: key for key in TABLE}
    chosen, kind, edge = (
        table[name].kind.read(Reader(read.raw, {}, Notes(), KEYS), name, usual, root)
        for name, usual in (("platform", "container"), ("kind", "service"), ("edge", ""))
    )
    others = {key.name: _on_the_other(key) for key in TABLE if key.only not in ("", chosen)}
    others |= refused(kind, edge if kind == "service" else "", KEYS)
    for name, allowed in others.items():
        if not _is_usual(read.raw.get(name), table[name].default):
            read.wrong(name, allowed)
    return Values(read, TABLE, root, others)


def _on_the_other(key: Key) -> str:
    """What is allowed of a key on the platform that does not have it."""
    if key.instead:
        return f"with platform swarm {key.instead}"
    return f"none on one machine; it needs platform {key.only}"


def _is_usual(given: Any, default: Any) -> bool:
    """Whether a key is not set, or to its default: Pulumi hands over those of Pulumi.yaml, too."""
    text, usual = str(given or ""), str(default)
    if isinstance(default, bool):  # Pulumi writes it small
        text, usual = text.lower(), usual.lower()
    return text in ("", "{}", "[]", usual)


def _secret_parts(name: str, written: Any) -> Iterator[str]:
    """Which parts of a key the file has encrypted."""
    if isinstance(written, Hidden):
        yield name
    parts = written.items() if isinstance(written, dict) else ()
    for part, value in parts:
        yield from _secret_parts(f"{name}.{part}", value)
    for number, value in enumerate(written if isinstance(written, list) else ()):
        yield from _secret_parts(f"{name}[{number}]", value)


def _tell_ports_used_twice(values: Values) -> None:
    names = ("http_port", "https_port", "preview_port", "blue_port", "green_port")
    ports = {name: values[name] for name in names}
    for key, port in ports.items():
        same = [name for name, number in ports.items() if number == port]
        if port and same[0] == key and len(same) > 1:
            values.reader.mistake(
                f"{', '.join(same)}: all are {port}; allowed: a different port for each"
            )


def _tell_names_that_are_too_long(settings: Settings, read: Reader) -> None:
    if len(settings.name) > settings.longest_prefix:
        read.wrong("name", f"at most {settings.longest_prefix} characters")


def _build(values: Values, root: Path) -> Build | None:
    build = values["build"]
    if not build:
        return None
    context, dockerfile = build["context"], build["dockerfile"]
    if not (root / context).is_dir():
        build.reader.wrong("context", "a folder, its path relative to the project")
    elif not (root / context / dockerfile).is_file():
        build.reader.mistake(
            f'build.dockerfile: "{dockerfile}" is not a file; allowed: a file in {context}'
        )
    return Build(**build)


def _sub_path(values: Values) -> str:
    """The path that the service itself is under, its health, too: "" = the root."""
    prefix: str = values["path_prefix"]
    if prefix and not values["strip_path_prefix"]:
        return prefix
    env = values["env"]
    if str(env.get("GF_SERVER_SERVE_FROM_SUB_PATH", "")).lower() == "true":
        root_url = str(env.get("GF_SERVER_ROOT_URL", ""))
        return urlsplit(root_url.replace("%(", "").replace(")s", "")).path.rstrip("/")
    return ""


def _health(values: Values, sub_path: str) -> Health:
    # The expectations of the default path's answer say nothing about another path's.
    grafana = values["path"] == defaults.HEALTH_PATH
    usual = {
        "json": defaults.HEALTH_JSON if grafana else {},
        "version_field": defaults.HEALTH_VERSION_FIELD if grafana else "",
    }
    open_ones = {key: value for key, value in usual.items() if values[key] is None}
    if not values.reader.is_set("path"):
        open_ones["path"] = f"{sub_path}{values['path']}"
    health = Health(**values | open_ones)
    least = (health.passes - 1) * health.interval
    if least >= health.timeout:
        values.reader.mistake(
            f"health.timeout: is {health.timeout:g}; allowed: more than (passes - 1) x interval "
            f"= {least:g} seconds"
        )
    return health
