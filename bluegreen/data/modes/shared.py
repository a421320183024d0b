"""`shared`: both colors use one volume; a snapshot is taken before a release."""

from typing import Any, ClassVar

from bluegreen.config import defaults
from bluegreen.data.modes.in_place import InPlace
from bluegreen.data.modes.mode import DataPlan, Job, Present, Release
from bluegreen.data.modes.volumes import OnVolumes
from bluegreen.data.modes.words import left_behind, told
from bluegreen.data.names import copy_of, step_of
from bluegreen.data.snapshots import RELEASE


class Shared(InPlace, OnVolumes):
    """One volume for both colors."""

    name: ClassVar[str] = "shared"
    needs_edge: ClassVar[bool] = False
    doing: ClassVar[str] = "the snapshot before the release"

    def plan(self, present: Present) -> DataPlan:
        """Both colors on the copy that is named, or the first."""
        return self._plan(present, "snapshot" if present.live else "")

    def describe(self, release: Release) -> str:
        """With what writers notice of the snapshot."""
        if release.plan.changes:
            return left_behind(self, release, held=self.holds_writes)
        target = release.target
        uses = f"both colors use {self.place(release.service, release.plan.copies[target])}"
        if not release.live:
            return uses
        kept = f"the newest {self._data.keep} are kept" if self._data.keep else "all are kept"
        return f"{uses}; a snapshot is taken before {target} starts, {self._meanwhile()}; {kept}"

    def _meanwhile(self) -> str:
        if self._ground.data_path == defaults.DATA_PATH:  # Grafana is given WAL mode
            return "while writes continue"
        return (
            "while writes continue if its SQLite databases are in WAL mode; if not, writes wait "
            "while the databases are copied"
        )

    def act(self, job: Job) -> dict[str, Any]:
        """Take the snapshot."""
        if job.changes:
            self._look(job)
        if not job.act:
            return {}
        taken = self._store(job.service).take(
            copy_of(job.service, job.live["copy"]),
            job.live["color"],
            job.live["version"],
            reason=RELEASE,
            keep=self._data.keep,
            name=step_of(job.service),
        )
        waited = f"; writes waited up to {taken.blocked:.1f} s, as a database is not in WAL mode"
        told(
            f"snapshot {taken.id}: {taken.bytes / 1e6:,.1f} MB in {taken.seconds:.1f} s"
            f"{waited if taken.blocked else ''}"
        )
        return {"snapshot": taken.id, "schema": taken.schema, "bytes": taken.bytes}
