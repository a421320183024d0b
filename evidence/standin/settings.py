"""What the stand-in is told, read the way Grafana reads it.

``grafana.ini`` comes first, ``GF_<SECTION>_<KEY>`` overrides it, and ``GF_<SECTION>_<KEY>__FILE``
names a file that holds the value, for secrets.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import StartupError
from .faults import Faults

DEFAULT_CONFIG = Path("/etc/grafana/grafana.ini")
DEFAULT_DATA = Path("/var/lib/grafana")
DEFAULT_PORT = 3000
_TRUE = ("true", "1", "yes")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured, checked."""

    version: str
    color: str = ""
    hide_version: bool = False
    data: Path = DEFAULT_DATA
    address: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    motto: str = ""
    admin_user: str = "admin"
    admin_password: str = field(default="admin", repr=False)
    secret_key: str = field(default="SW2YcwTIb9zpOOhoPsMm", repr=False)
    database_url: str = field(default="", repr=False)
    lock_seconds: float = 0
    wal: bool = False
    faults: Faults = field(default_factory=Faults)

    @property
    def reported_version(self) -> str:
        """The version that it claims to be, which a fault can falsify."""
        return self.faults.report_version or self.version


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the environment and the ini file that it names."""
    path = environ.get("GF_PATHS_CONFIG")
    ini = _Ini(_parsed(Path(path) if path else DEFAULT_CONFIG, required=bool(path)), environ)
    return Settings(
        version=full_version(environ.get("GRAFANA_VERSION", "")),
        color=environ.get("BLUEGREEN_COLOR", ""),
        hide_version=ini.text("auth.anonymous", "hide_version").lower() in _TRUE,
        data=Path(ini.text("paths", "data", str(DEFAULT_DATA))),
        address=ini.text("server", "http_addr", "0.0.0.0"),
        port=_port(ini.text("server", "http_port", str(DEFAULT_PORT))),
        motto=ini.text("standin", "motto"),
        admin_user=ini.text("security", "admin_user", "admin"),
        admin_password=ini.text("security", "admin_password", "admin"),
        secret_key=ini.text("security", "secret_key", Settings("").secret_key),
        database_url=_database_url(ini.text("database", "url")),
        lock_seconds=float(ini.text("database", "locking_attempt_timeout_sec", "0")),
        wal=ini.text("database", "wal").lower() in _TRUE,
        faults=Faults.from_environment(environ),
    )


def full_version(given: str) -> str:
    """Make three parts of a version, as an image's tag may say 12.4 where Grafana says 12.4.0."""
    number, dash, suffix = given.partition("-")
    parts = number.split(".")
    if len(parts) > 3 or not all(part.isdecimal() for part in parts):
        raise StartupError(f"GRAFANA_VERSION={given!r} is not a version such as 12.4 or 12.4.0")
    return ".".join([*parts, "0", "0"][:3]) + dash + suffix


@dataclass(frozen=True, slots=True)
class _Ini:
    parser: configparser.ConfigParser
    environ: Mapping[str, str]

    def text(self, section: str, key: str, default: str = "") -> str:
        name = "GF_" + f"{section}_{key}".replace(".", "_").replace("-", "_").upper()
        direct, file = self.environ.get(name), self.environ.get(name + "__FILE")
        if direct and file:
            raise StartupError(f"both {name} and {name}__FILE are set, but only one can count")
        if file:
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise StartupError(f"{name}__FILE={file} cannot be read: {error}") from error
        if direct:
            return direct
        return (self.parser.get(section, key, fallback=default) or default).strip()


def _parsed(path: Path, *, required: bool) -> configparser.ConfigParser:
    # No interpolation: grafana.ini has %(protocol)s of its own.
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    if path.is_dir():
        # Docker makes an empty directory where the source of a bind mount is missing.
        raise StartupError(
            f"{path} is a directory, not a file: was the source of its mount missing, "
            "so that Docker made a directory in its place?"
        )
    if not path.exists() and not required:
        return parser
    try:
        # The first settings of a grafana.ini stand before any section.
        parser.read_string("[_]\n" + path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise StartupError(f"{path} cannot be read: {error}") from error
    return parser


def _database_url(given: str) -> str:
    scheme = given.partition("://")[0]
    if given and scheme not in ("postgres", "sqlite3"):
        raise StartupError(f"[database] url: the stand-in speaks postgres, not {scheme!r}")
    return given if scheme == "postgres" else ""


def _port(given: str) -> int:
    if not given.isdecimal() or int(given) > 65535:
        raise StartupError(f"[server] http_port = {given} is not a port from 0 to 65535")
    return int(given)
