"""What the modes have in common that keep the data in volumes, one for each copy."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bluegreen.config import defaults
from bluegreen.config.settings import Color
from bluegreen.data import tools
from bluegreen.data.modes.mode import DataPlan, Ground, Job, Needed
from bluegreen.data.names import copy_of
from bluegreen.data.snapshots import Snapshot, Store
from bluegreen.errors import DataFailed


class OnVolumes:
    """Data in a volume of each copy."""

    keeps_data: ClassVar[bool] = True
    on_volumes: ClassVar[bool] = True

    def __init__(self, ground: Ground) -> None:
        """Ask and touch nothing yet."""
        self._ground = ground
        self._data, self._docker = ground.data, ground.docker

    def required(
        self,
        service: str,
        plan: DataPlan,
        declared: Sequence[Color],
        target: Color,
        *,
        had_volumes: bool,
    ) -> list[Needed]:
        """Each color's own, and of a clone that which it is made of."""
        found: dict[str, Needed] = {}
        for color in declared:
            cloned = color == target and plan.act == "clone"
            copy = plan.live if cloned else plan.copies[color]
            if not copy and not had_volumes:
                continue  # a first release makes it
            volume = copy_of(service, copy)
            use = f"{color} would get a copy of it" if cloned else f"{color} would run on it"
            found.setdefault(volume, Needed(volume, copy, use))
        return list(found.values())

    def volume(self, service: str, copy: str) -> str:
        """Each copy is one."""
        return copy_of(service, copy)

    def place(self, service: str, copy: str) -> str:
        """By the volume's name."""
        return f"volume {copy_of(service, copy)}"

    def environment(self, copy: str, *, several: bool) -> dict[str, str]:  # noqa: ARG002
        """What lets two Grafanas share one SQLite file for a while."""
        grafana = self._ground.data_path == defaults.DATA_PATH
        return dict(defaults.SQLITE_ENV) if grafana else {}

    def schema(self, service: str, copy: str) -> str:
        """Of all SQLite files in it."""
        volumes = {"/data": copy_of(service, copy)}
        return str(self._inside("schema", volumes, service)["schema"])

    def take(self, service: str, live: Mapping[str, str], reason: str) -> Snapshot:
        """By SQLite's own backup."""
        volume = copy_of(service, live["copy"])
        store = self._store(service)
        return store.take(volume, live["color"], live["version"], reason=reason, keep=0)

    def restore(self, service: str, snapshot: str) -> str:
        """Into a volume of its own."""
        return self._store(service).restore(snapshot)

    def _look(self, job: Job) -> None:
        """Make sure that the target's copy is not empty, where users have data by now.

        What removes volumes that no container uses has no lock with a release, and `pulumi
        refresh` makes the first one anew, empty.
        """
        volume = copy_of(job.service, job.copy)
        if self._files(job.service, job.copy) or not self._files(job.service, job.live["copy"]):
            return
        raise DataFailed(
            f"volume {volume} is empty: it was created again after its data was removed. "
            f"`bluegreen snapshot list` shows what can be restored; `docker volume rm {volume}` "
            "removes the empty one"
        )

    def _files(self, service: str, copy: str) -> int:
        volumes = {"/data": copy_of(service, copy)}
        return int(self._inside("look", volumes, service)["files"])

    def _inside(
        self, verb: str, volumes: Mapping[str, str], service: str, name: str = ""
    ) -> dict[str, Any]:
        image = self._data.tools_image
        return tools.run_inside(self._docker, image, verb, {}, volumes, service=service, name=name)

    def _store(self, service: str) -> Store:
        return Store(self._docker, self._data.tools_image, service)
