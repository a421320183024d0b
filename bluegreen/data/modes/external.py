"""`external`: a database server that both colors use; checked, and dumped, before a release."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bluegreen.config import defaults
from bluegreen.config.database import Database
from bluegreen.config.settings import Color
from bluegreen.data.client import Client
from bluegreen.data.dumps import restore_dump, take_dump
from bluegreen.data.modes.in_place import InPlace
from bluegreen.data.modes.mode import DataPlan, Ground, Job, Needed, Present, Release
from bluegreen.data.modes.words import left_behind, told
from bluegreen.data.names import data_of
from bluegreen.data.snapshots import RELEASE, Snapshot


class External(InPlace):
    """A database server, by its URL; copies are databases on it."""

    name: ClassVar[str] = "external"
    keeps_data: ClassVar[bool] = True
    on_volumes: ClassVar[bool] = False
    needs_edge: ClassVar[bool] = True  # its network
    doing: ClassVar[str] = "the check of the database before the release"

    def __init__(self, ground: Ground) -> None:
        """Ask and touch nothing yet."""
        self._ground = ground
        self._data, self._docker = ground.data, ground.docker

    def plan(self, present: Present) -> DataPlan:
        """Both colors on the database that is named; checked for the first release too."""
        return self._plan(present, "check")

    def describe(self, release: Release) -> str:
        """Without the password."""
        if release.plan.changes:
            return left_behind(self, release, held=self.holds_writes)
        target = release.target
        place = self.place(release.service, release.plan.copies[target])
        dump = ", and dumped" if self._data.dump else ""
        return f"both colors use {place}; it is checked{dump} before {target} starts"

    def required(
        self,
        service: str,  # noqa: ARG002 (the protocol's signature)
        plan: DataPlan,  # noqa: ARG002
        declared: Sequence[Color],  # noqa: ARG002
        target: Color,  # noqa: ARG002
        *,
        had_volumes: bool,  # noqa: ARG002
    ) -> list[Needed]:
        """None; whether the database is there is checked before the target starts."""
        return []

    def act(self, job: Job) -> dict[str, Any]:
        """Check the database that the target will use, and dump the one that users have."""
        database = self._database(job.copy)
        schema = self._client(job.service, database).check()
        told(f"{database.where} answers")
        if not (self._data.dump and job.live["color"]):
            return {"schema": schema}
        taken = self._dump(job.service, job.live, RELEASE)
        told(f"dump {taken.id}: {taken.bytes / 1e6:,.1f} MB in {taken.seconds:.1f} s")
        return {"schema": schema, "snapshot": taken.id, "bytes": taken.bytes}

    def volume(self, service: str, copy: str) -> str:  # noqa: ARG002
        """One for what the service keeps beside its database."""
        return data_of(service)

    def place(self, service: str, copy: str) -> str:  # noqa: ARG002
        """By the database's name and server."""
        return self._database(copy).where

    def environment(self, copy: str, *, several: bool) -> dict[str, str]:
        """The URL, and what makes one of several Grafanas migrate while the others wait."""
        grafana = self._data.url_env == defaults.URL_ENV
        wait = defaults.REPLICAS_ENV if several else {}
        more = defaults.DATABASE_ENV | wait if grafana else {}
        return {self._data.url_env: self._database(copy).url} | more

    def schema(self, service: str, copy: str) -> str:
        """Of all its tables."""
        return self._client(service, self._database(copy)).check()

    def take(self, service: str, live: Mapping[str, str], reason: str) -> Snapshot:
        """A dump, by the database's own tools."""
        return self._dump(service, live, reason)

    def restore(self, service: str, snapshot: str) -> str:
        """Into a database of its own."""
        return restore_dump(self._docker, self._data, service, self._database(""), snapshot)

    def _database(self, copy: str) -> Database:
        return Database.from_url(self._ground.database_url).copy(copy)

    def _client(self, service: str, database: Database) -> Client:
        return Client(database, self._docker, self._data.client_image, service)

    def _dump(self, service: str, live: Mapping[str, str], reason: str) -> Snapshot:
        database = self._database(live["copy"])
        return take_dump(self._docker, self._data, service, database, live, reason=reason)
