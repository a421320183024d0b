"""The fault matrix in its short form: every fault that is quick to make, each once, under load.

`make chaos` plays all of it, with pulumi killed at every boundary of steps and at 40 moments.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chaos import matrix
from chaos.fault import Fault
from chaos.rows import Row
from chaos.trial import play, stage
from lab.stacks import Stack

Play = Callable[[Fault], Row]


@pytest.fixture(scope="session")
def play_shared() -> Iterator[Play]:
    """Plays one fault after the other on one stack; a red one leaves its stack to nobody."""
    # What starts the tests may ignore Ctrl-C, and would hand that on to what is interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as stages:
        shared: list[Stack] = []

        def on_shared(fault: Fault) -> Row:
            if not shared:
                shared.append(stages.enter_context(stage()))
            row = play(fault, shared[0])
            if row.problems:
                stages.close()
                shared.clear()
            return row

        yield on_shared


@pytest.mark.parametrize("fault", matrix.short(), ids=lambda fault: fault.name)
def test_a_release_survives(fault: Fault, play_shared: Play) -> None:
    """Old or new color serves, no acknowledged write is lost, the same command converges."""
    if fault.missing():
        pytest.skip(fault.missing())
    if fault.special:
        with stage(fault) as own:
            row = play(fault, own)
    else:
        row = play_shared(fault)
    assert row.verdict == "green", "\n".join(row.problems)
