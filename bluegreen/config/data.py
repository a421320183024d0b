"""The part of a stack's config that is about its data."""

import re
from collections.abc import Collection
from typing import Any, cast

from bluegreen.config import defaults
from bluegreen.config.database import ALLOWED, Database
from bluegreen.config.reader import Reader
from bluegreen.config.settings import Data

MODES = ("shared", "clone", "external", "none")
KEYS = "mode keep copy block_writes allow_loss reads dump url_env tools_image client_image".split()
FIRST = "first"  # the copy that the data began in

_COPY = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"/[A-Za-z0-9_./-]*")


def read_data(
    read: Reader, secrets: Collection[str], *, swarm: bool = False
) -> tuple[str, Data, str]:
    """Read data_path, data and database_url; note every mistake in them."""
    given = read.nested("data", KEYS)
    url = _database_url(read, secrets)
    no_path = read.raw.get("data_path") == ""
    usual = "external" if url else "none" if no_path else "shared"
    mode = given.choice("mode", usual, MODES)
    path = "" if no_path or (mode == "none" and not read.raw.get("data_path")) else _path(read)
    if mode in ("shared", "clone") and no_path:
        read.wrong("data_path", f"an absolute path in the container, as data.mode is {mode}")
    if mode == "none" and path:
        given.wrong("mode", f"shared, clone or external, as data_path is {path}")
    if swarm and mode in ("shared", "clone") and not no_path:
        read.mistakes.append(
            f"data.mode: is {mode}, one SQLite file for replicas on several nodes, which would "
            "corrupt or lose it; allowed with platform swarm: external (set database_url, a "
            'secret: a database server\'s URL), or none with data_path "" for a service that keeps '
            "nothing"
        )
    if mode == "external" and not read.raw.get("database_url"):
        read.wrong("database_url", f"{ALLOWED}, as data.mode is external")
    if url and mode != "external":
        given.wrong("mode", "external, as database_url is set")
    grafana = path == defaults.DATA_PATH
    reads = given.structure("reads", list, "a list of paths")
    if not all(isinstance(each, str) and _PATH.fullmatch(each) for each in reads):
        given.wrong("reads", "a list of paths, each from /")
        reads = []
    data = Data(
        mode=cast("Any", mode),
        keep=given.integer("keep", 5, 0, 1000, "snapshots (0: all)"),
        copy=given.text("copy", "", _COPY, "the name of a copy, as `bluegreen snapshot` tells it"),
        block_writes=given.flag("block_writes", True),
        allow_loss=given.flag("allow_loss", False),
        reads=tuple(reads) if "reads" in given.raw or not grafana else defaults.READS,
        dump=given.flag("dump", False),
        url_env=given.text("url_env", defaults.URL_ENV, _NAME, "an environment variable's name"),
        tools_image=_image(given, "tools_image", defaults.TOOLS_IMAGE),
        client_image=_image(given, "client_image", _client_image(url)),
    )
    if data.mode == "clone" and not data.block_writes and not data.allow_loss:
        given.wrong("block_writes", "true, or data.allow_loss: what is written meanwhile is lost")
    return path, data, url


def _path(read: Reader) -> str:
    allowed = 'an absolute path in the container, or "" for a service without data'
    return read.text("data_path", defaults.DATA_PATH, re.compile(r"/[^\s:]+"), allowed)


def _database_url(read: Reader, secrets: Collection[str]) -> str:
    url = read.text("database_url", "", None, ALLOWED)
    if not url:
        return ""
    try:
        Database.from_url(url)
    except ValueError:
        read.wrong("database_url", ALLOWED, shown=False)
        return ""
    if "database_url" not in secrets:
        read.wrong(
            "database_url", "a secret: pulumi config set --secret database_url …", shown=False
        )
    return url


def _image(given: Reader, key: str, default: str) -> str:
    return given.text(key, default, re.compile(r"\S+"), "an image with its tag")


def _client_image(url: str) -> str:
    return defaults.CLIENT_IMAGES[Database.from_url(url).engine] if url else ""
