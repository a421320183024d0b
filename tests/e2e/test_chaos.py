"""The fault matrix in its short form: every fault that is quick to make, each once, under load.

`make chaos` plays all of it, with pulumi killed at every boundary of steps and at 80 moments.
"""

import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from evidence.chaos import matrix
from evidence.chaos.fault import Fault
from evidence.chaos.player import Player
from evidence.chaos.trial import PLAN


@pytest.fixture(scope="session")
def player() -> Iterator[Player]:
    """Plays one fault after the other."""
    # What starts the tests may ignore Ctrl-C, and would hand that on to what is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Player(replace(PLAN, pace=0.2)) as made:
        yield made


@pytest.mark.parametrize("fault", matrix.short(), ids=lambda fault: fault.name)
def test_a_release_survives(fault: Fault, player: Player) -> None:
    """Old or new color serves, no acknowledged write is lost, the same command converges."""
    if fault.missing():
        pytest.skip(fault.missing())
    row = player.play(fault)
    assert row.verdict == "green", "\n".join(row.problems)
