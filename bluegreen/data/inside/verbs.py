"""The verbs: `VERB JSON` on the command line; one JSON object on standard output.

Exit code 1, with the reason on standard error, when it is not done; `BUSY` when somebody else is
at work in the snapshots' volume and the JSON does not say `wait`.
"""

import contextlib
import json
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from bluegreen.data.inside.databases import copy_data, schema_of
from bluegreen.data.inside.store import (
    PART,
    Busy,
    changed_files,
    head,
    heads,
    keep_part,
    locked,
    manifest_of,
    remove_old,
    sweep,
)
from bluegreen.data.inside.trees import (
    BUSY,
    Folders,
    Refused,
    copy_tree,
    empty,
    files_in,
    need_room,
    size_of,
)

Told = dict[str, Any]


def take(told: Told, at: Folders) -> Told:
    """Take a snapshot of the data, and keep the newest `keep` of those taken by releases."""
    sweep(at.store)
    part, begun = at.store / f"{PART}{uuid.uuid4().hex}", time.monotonic()
    need_room(at.data, at.store)
    try:
        moment, blocked = copy_data(at.data, part / "files")
        manifest = {key: told[key] for key in ("color", "version", "reason", "of")} | {
            "at": moment,
            "schema": schema_of(part / "files"),
            "blocked": blocked,
            "seconds": round(time.monotonic() - begun, 3),
        }
        return keep_part(at.store, part, manifest, told["keep"])
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def seal(told: Told, at: Folders) -> Told:
    """Make a snapshot of a dump that another program has put into its folder."""
    sweep(at.store)
    return keep_part(at.store, at.store / told["part"], told["manifest"], told["keep"])


def discard(told: Told, at: Folders) -> Told:
    """Remove what a dump that failed has left."""
    shutil.rmtree(at.store / told["part"], ignore_errors=True)
    return {}


def list_(_told: Told, at: Folders) -> Told:
    """All snapshots, the oldest first; a damaged manifest is told and not hidden."""
    return {"snapshots": list(heads(at.store))}


def restore(told: Told, at: Folders) -> Told:
    """Fill the target, which is new, with a snapshot whose files are all as they were written."""
    verify(told, at)
    files = at.store / told["id"] / "files"
    need_room(files, at.target)
    copy_tree(files, at.target)
    return {}


def verify(told: Told, at: Folders) -> Told:
    """Check a snapshot to the last byte."""
    folder = at.store / told["id"]
    if not folder.is_dir():
        known = ", ".join(each["id"] for each in heads(at.store)) or "none"
        raise Refused(f"there is no snapshot {told['id']}; there are: {known}")
    manifest = manifest_of(folder)
    if wrong := changed_files(folder, manifest):
        raise Refused(f"snapshot {told['id']} is damaged: {', '.join(wrong[:5])} changed since")
    return head(manifest)


def prune(told: Told, at: Folders) -> Told:
    """Remove all but the newest `keep`, those made by hand too if it says `all`."""
    return {"removed": remove_old(at.store, told["keep"], by_hand=told["all"])}


def clone(_told: Told, at: Folders) -> Told:
    """Fill the target with the data as it is at one moment."""
    empty(at.target)
    need_room(at.data, at.target)
    begun = time.monotonic()
    moment, _ = copy_data(at.data, at.target)
    seconds = round(time.monotonic() - begun, 3)
    return {"at": moment, "bytes": size_of(at.target), "seconds": seconds}


def schema(_told: Told, at: Folders) -> Told:
    """The schema of the data, as a short digest."""
    return {"schema": schema_of(at.data)}


def look(_told: Told, at: Folders) -> Told:
    """How many files the data has."""
    return {"files": len(files_in(at.data))}


VERBS: dict[str, Callable[[Told, Folders], Told]] = {
    each.__name__.rstrip("_"): each
    for each in (take, seal, discard, list_, restore, verify, prune, clone, schema, look)
}
# Who changes what the snapshots are has them alone; who reads one keeps it from being removed.
ALONE = ("take", "seal", "prune")
TOGETHER = ("restore", "verify")


def run(verb: str, told: Told, at: Folders) -> Told:
    """Do it, under the lock that it needs; raises Refused, or Busy."""
    with contextlib.ExitStack() as stack:
        if verb in (*ALONE, *TOGETHER):
            wait = bool(told.get("wait"))
            stack.enter_context(locked(at.store, alone=verb in ALONE, wait=wait))
        return VERBS[verb](told, at)


def main() -> int:
    """Do what the command line says."""
    try:
        print(json.dumps(run(sys.argv[1], json.loads(sys.argv[2]), Folders())))
    except Busy:
        return BUSY
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
