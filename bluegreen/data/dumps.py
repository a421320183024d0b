"""Dumps: snapshots of an external database, made by its own tools."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

from bluegreen.config.database import Database
from bluegreen.config.settings import Data, Docker
from bluegreen.data.client import Client
from bluegreen.data.inside.store import DUMP
from bluegreen.data.names import snapshots_of
from bluegreen.data.snapshots import Snapshot, Store, copy_name
from bluegreen.errors import BluegreenError


def take_dump(
    docker: Docker,
    data: Data,
    service: str,
    database: Database,
    live: Mapping[str, str],
    *,
    reason: str,
) -> Snapshot:
    """Dump a database that is in use; `live` is {color, version} of what uses it."""
    part = f"{DUMP}{copy_name()}"
    store = Store(docker, data.tools_image, service)
    store.make()
    client = Client(database, docker, data.client_image, service)
    schema, begun = client.check(), datetime.now(UTC)
    try:
        at = client.dump(f"/snapshots/{part}/files/dump", snapshots_of(service))
        manifest = {
            "at": at or begun.isoformat(timespec="microseconds"),
            "color": live["color"],
            "version": live["version"],
            "reason": reason,
            "of": database.where,
            "schema": schema,
            "seconds": round((datetime.now(UTC) - begun).total_seconds(), 3),
        }
        return store.seal(part, manifest, data.keep)
    except BaseException:
        with contextlib.suppress(BluegreenError):  # else the next snapshot that is taken does it
            store.discard(part)
        raise


def restore_dump(
    docker: Docker, data: Data, service: str, database: Database, identity: str
) -> str:
    """Restore a dump, which was verified, into a new database; return the copy's name."""
    copy = copy_name(identity)
    Client(database, docker, data.client_image, service).restore(
        f"/snapshots/{identity}/files/dump", snapshots_of(service), copy
    )
    return copy
