"""What the modes have in common in which both colors use the same data."""

from typing import ClassVar

from bluegreen.config.data import FIRST
from bluegreen.config.settings import COLORS, Data
from bluegreen.data.modes.mode import Act, DataPlan, Present


class InPlace:
    """One copy for both colors: the one that the file names, or the first."""

    migrates_in_place: ClassVar[bool] = True
    _data: Data

    @staticmethod
    def copy_to_deploy(pinned: str) -> str:
        """The same: a copy that was restored is where users' data is now."""
        return pinned

    @staticmethod
    def copy_before(recorded: str) -> str:
        """As recorded; the first one needs no name."""
        return recorded

    @property
    def holds_writes(self) -> bool:
        """Only where a release goes over to a copy that is named."""
        return bool(self._data.copy)

    def _plan(self, present: Present, act: Act) -> DataPlan:
        pinned = "" if self._data.copy == FIRST else self._data.copy
        changes = bool(present.live) and pinned != present.copy
        return DataPlan(dict.fromkeys(COLORS, pinned), present.copy, act, changes)
