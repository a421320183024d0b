"""`none`: the service keeps no data outside its container."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from bluegreen.config.settings import COLORS, Color
from bluegreen.data.modes.mode import DataPlan, Ground, Job, Needed, Present, Release
from bluegreen.data.snapshots import Snapshot
from bluegreen.errors import DataFailed


class Nothing:
    """No data."""

    name: ClassVar[str] = "none"
    keeps_data: ClassVar[bool] = False
    on_volumes: ClassVar[bool] = False
    migrates_in_place: ClassVar[bool] = False
    needs_edge: ClassVar[bool] = False
    doing: ClassVar[str] = ""
    holds_writes = False

    def __init__(self, ground: Ground) -> None:
        """Ask and touch nothing."""
        self._ground = ground

    @staticmethod
    def copy_to_deploy(pinned: str) -> str:
        """As the file has it: it means nothing here."""
        return pinned

    @staticmethod
    def copy_before(recorded: str) -> str:
        """None."""
        return recorded

    def plan(self, present: Present) -> DataPlan:  # noqa: ARG002 (the protocol's signature)
        """Nothing is done."""
        return DataPlan(dict.fromkeys(COLORS, ""))

    def describe(self, release: Release) -> str:  # noqa: ARG002
        """What goes with the container."""
        return "what the service keeps in its container goes with its container"

    def required(
        self,
        service: str,  # noqa: ARG002
        plan: DataPlan,  # noqa: ARG002
        declared: Sequence[Color],  # noqa: ARG002
        target: Color,  # noqa: ARG002
        *,
        had_volumes: bool,  # noqa: ARG002
    ) -> list[Needed]:
        """None."""
        return []

    def act(self, job: Job) -> dict[str, Any]:  # noqa: ARG002
        """Nothing."""
        return {}

    def volume(self, service: str, copy: str) -> str:  # noqa: ARG002
        """None."""
        return ""

    def place(self, service: str, copy: str) -> str:  # noqa: ARG002
        """Nowhere."""
        return "no volume"

    def environment(self, copy: str, *, several: bool) -> dict[str, str]:  # noqa: ARG002
        """Nothing."""
        return {}

    def schema(self, service: str, copy: str) -> str:  # noqa: ARG002
        """None."""
        return ""

    def take(self, service: str, live: Mapping[str, str], reason: str) -> Snapshot:  # noqa: ARG002
        """There is nothing to take one of."""
        self._refuse()

    def restore(self, service: str, snapshot: str) -> str:  # noqa: ARG002
        """There is nothing to restore."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise DataFailed("data.mode is none: the service keeps no data outside its container")
