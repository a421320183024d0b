"""Snapshots: the data as it was at one moment, in a volume of their own; what a restore needs.

Each has a moment, the color and version that wrote the data, its schema, and checksums.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from bluegreen.config.settings import Docker
from bluegreen.data import tools
from bluegreen.data.names import copy_of, snapshots_of
from bluegreen.errors import DataFailed

RELEASE, BY_HAND = "release", "by hand"
WAITING = (
    "another snapshot of this stack is being taken, restored or removed; waiting for it to finish"
)


@dataclass(frozen=True)
class Snapshot:
    """One snapshot, without its files.

    `at` is the moment that it is of, in UTC; `blocked` for how many seconds writers had to wait.
    """

    id: str
    at: str = ""
    color: str = ""
    version: str = ""
    reason: str = ""
    of: str = ""
    schema: str = ""
    bytes: int = 0
    seconds: float = 0
    blocked: float = 0
    damaged: str = ""
    removed: tuple[str, ...] = ()


def copy_name(of: str = "") -> str:
    """A new name for a copy: of a snapshot, whose moment is in it, or of what is live now."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return f"{of}-r{now[9:15]}" if of else now


def moment_of(copy: str) -> str:
    """The moment that the copy of a snapshot is of, in UTC; "" for another copy."""
    match = re.fullmatch(r"(\d{8}-\d{6}-\d{6})-r\d{6}", copy)
    if not match:
        return ""
    return datetime.strptime(f"{match[1]} +0000", "%Y%m%d-%H%M%S-%f %z").isoformat()


class Store:
    """The snapshots of one service."""

    def __init__(self, docker: Docker, image: str, service: str) -> None:
        """Ask nothing yet; `image` has Python, `service` is the prefix of all names in Docker."""
        self._docker, self._image, self._service = docker, image, service

    def _run(self, verb: str, told: Mapping[str, Any], name: str = "", **volumes: str) -> Any:
        mounts = {f"/{path}": volume for path, volume in volumes.items()}
        mounts["/snapshots"] = snapshots_of(self._service)
        if not self.exists():
            raise DataFailed(
                f"volume {snapshots_of(self._service)}, which has the snapshots, does not exist: "
                "it was removed together with them, or there has been no release yet"
            )

        def run(*, wait: bool) -> Any:
            said = {**told, "wait": wait}
            return tools.run_inside(
                self._docker, self._image, verb, said, mounts, service=self._service, name=name
            )

        try:
            return run(wait=False)
        except tools.Busy:
            # As a release's data step and `bluegreen snapshot` may be at work at the same time.
            print(f"data: {WAITING}", file=sys.stderr, flush=True)
            return run(wait=True)

    def make(self) -> None:
        """Make the volume that they are in, or take the one that is there.

        A release finds it made by Pulumi, unless it was removed since.
        """
        tools.make_volume(self._docker, snapshots_of(self._service), self._service)

    def exists(self) -> bool:
        """Whether that volume is there; raises DataFailed when that cannot be known."""
        return tools.has_volume(self._docker, snapshots_of(self._service))

    def take(
        self, volume: str, color: str, version: str, *, reason: str, keep: int, name: str = ""
    ) -> Snapshot:
        """Take one of a data volume, while it is in use; keep so many of a release's (0: all)."""
        self.make()
        told = {"color": color, "version": version, "reason": reason, "of": volume, "keep": keep}
        return _snapshot(self._run("take", told, name, data=volume))

    def seal(self, part: str, manifest: Mapping[str, Any], keep: int) -> Snapshot:
        """Make a snapshot of the files that were put into a folder of its volume."""
        told = {"part": part, "manifest": manifest, "keep": keep}
        return _snapshot(self._run("seal", told))

    def discard(self, part: str) -> None:
        """Remove what was put into a folder of its volume and is not to be a snapshot."""
        self._run("discard", {"part": part})

    def list(self) -> list[Snapshot]:
        """All, the oldest first; none where their volume is not there."""
        if not self.exists():
            return []
        return [_snapshot(each) for each in self._run("list", {})["snapshots"]]

    def verify(self, identity: str) -> Snapshot:
        """Check one to the last byte."""
        return _snapshot(self._run("verify", {"id": identity}))

    def restore(self, identity: str) -> str:
        """Fill a new volume with one, checked once more; return the copy's name."""
        copy = copy_name(identity)
        volume = copy_of(self._service, copy)
        tools.make_volume(self._docker, volume, self._service, snapshot=identity)
        self._run("restore", {"id": identity}, target=volume)
        return copy

    def prune(self, keep: int, *, by_hand: bool) -> tuple[str, ...]:
        """Remove all but the newest; those made by hand only if asked to."""
        return tuple(self._run("prune", {"keep": keep, "all": by_hand})["removed"])


def _snapshot(raw: Mapping[str, Any]) -> Snapshot:
    # A later version may have put more into a manifest than is known here.
    known = {each.name: raw[each.name] for each in fields(Snapshot) if each.name in raw}
    return Snapshot(**known | {"removed": tuple(raw.get("removed") or ())})
