"""Plays faults one after the other, each on the stack that it wants."""

from contextlib import ExitStack
from typing import Self

import evidence.load as load
from evidence.chaos.daemon import play_apart
from evidence.chaos.fault import Fault
from evidence.chaos.rows import NOTHING, Row, skipped
from evidence.chaos.trial import PLAN, play, stage
from evidence.lab.host import LabFailed
from evidence.lab.stacks import Stack


class Player:
    """Shares one stack among the faults that want none of their own."""

    def __init__(self, plan: load.Plan = PLAN) -> None:
        """Make the stack when it is first wanted; `plan` is the load beside the faults."""
        self._plan = plan
        self._stages = ExitStack()
        self._shared: Stack | None = None

    def play(self, fault: Fault) -> Row:
        """Play one; what this machine cannot make is skipped, and says why."""
        if fault.missing():
            return skipped(fault.name, fault.missing())
        if fault.daemon is not None:
            try:
                return play_apart(fault.name)
            except LabFailed as error:
                return Row(fault.name, None, 0, 0, 0, False, NOTHING, problems=(str(error),))
        if fault.special:
            with stage(fault) as own:
                return play(fault, own, self._plan)
        self._shared = self._shared or self._stages.enter_context(stage())
        row = play(fault, self._shared, self._plan)
        if row.problems:  # the next one is not to suffer for it
            self._stages.close()
            self._shared = None
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stages.close()
