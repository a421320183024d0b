"""What holds between the keys that are about the data."""

from collections.abc import Collection

from bluegreen.config import defaults
from bluegreen.config.database import ALLOWED, Database
from bluegreen.config.kinds import Values
from bluegreen.config.scalars import Hidden
from bluegreen.config.settings import Data

FIRST = "first"  # the copy that the data began in


def settle_data(values: Values, secrets: Collection[str]) -> tuple[str, Data, str]:
    """The settings data_path, data and database_url of the values; notes what is wrong there."""
    read, given = values.reader, values["data"]
    if values["kind"] == "edge":  # which has none
        return "", Data(**given | {"mode": "none", "reads": (), "client_image": ""}), ""
    url, has_url = _database_url(values, secrets), read.is_set("database_url")
    no_path = values["data_path"] == ""
    mode = given["mode"] or ("external" if has_url else "none" if no_path else "shared")
    # The engine hands over the default as if it were set.
    path = values["data_path"]
    path = "" if mode == "none" and path == defaults.DATA_PATH else path
    if mode in ("shared", "clone") and no_path:
        read.wrong("data_path", f"an absolute path in the container, as data.mode is {mode}")
    if mode == "none" and path:
        given.reader.wrong("mode", f"shared, clone or external, as data_path is {path}")
    if values["platform"] == "swarm" and mode in ("shared", "clone") and not no_path:
        read.mistake(
            f"data.mode: is {mode}, one SQLite file for replicas on several nodes, which would "
            "corrupt or lose it; allowed with platform swarm: external (set database_url, a "
            'secret: a database server\'s URL), or none with data_path "" for a service that '
            "stores nothing"
        )
    if mode == "external" and not has_url:
        read.wrong("database_url", f"{ALLOWED}, as data.mode is external")
    if url and mode != "external":
        given.reader.wrong("mode", "external, as database_url is set")
    if mode == "clone" and not given["block_writes"] and not given["allow_loss"]:
        allowed = "true, or data.allow_loss: writes in the meantime are lost"
        given.reader.wrong("block_writes", allowed)
    reads, client = given["reads"], given["client_image"]
    if reads is None:
        reads = defaults.READS if path == defaults.DATA_PATH else ()
    if client is None:
        client = defaults.CLIENT_IMAGES[Database.from_url(url).engine] if url else ""
    return path, Data(**given | {"mode": mode, "reads": reads, "client_image": client}), url


def _database_url(values: Values, secrets: Collection[str]) -> str:
    url, read = values["database_url"], values.reader
    if not url or isinstance(url, Hidden):
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
    return str(url)
