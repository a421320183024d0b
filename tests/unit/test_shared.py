"""When a stack may be handed on from one experiment to the next."""

import json
from pathlib import Path

import pytest

from evidence.lab.shared import released

USUAL = {"bluegreen:http_port": "8080", "bluegreen:active_color": "blue"}


class State:
    """A state folder, as Pulumi writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        self.root = folder / "state/.pulumi"
        for part in ("history/bluegreen/t1", "stacks/bluegreen", "locks/organization/bluegreen/t1"):
            (self.root / part).mkdir(parents=True)

    def ends(self, kind: str, result: str = "succeeded", **config: str) -> None:
        """Something that was done with the stack has ended like this."""
        self._count += 1
        entry = self.root / f"history/bluegreen/t1/t1-{self._count}"
        told = {"kind": kind, "result": result, "config": USUAL | config}
        entry.with_suffix(".history.json").write_text(json.dumps(told))
        entry.with_suffix(".checkpoint.json").write_text(f"state {self._count}")
        self.put(f"state {self._count}")

    def put(self, text: str) -> None:
        """Write the state itself."""
        (self.root / "stacks/bluegreen/t1.json").write_text(text)

    def lock(self) -> None:
        """An update runs, or was killed."""
        (self.root / "locks/organization/bluegreen/t1/one.json").write_text("{}")

    def says(self) -> dict[str, str] | None:
        """What it was released with."""
        return released(self.folder, "t1")


@pytest.fixture
def state(tmp_path: Path) -> State:
    """The state of a stack that was released once."""
    made = State(tmp_path)
    made.ends("update")
    return made


def test_either_color_may_be_live_and_a_refresh_changes_nothing(state: State) -> None:
    """The rest of the config is compared."""
    first = state.says()
    assert first == {"bluegreen:http_port": "8080"}
    state.ends("update", **{"bluegreen:active_color": "green"})
    state.ends("refresh", **{"bluegreen:http_port": "1"})
    assert state.says() == first
    state.ends("update", **{"bluegreen:http_port": "1"})
    assert state.says() != first


def test_what_was_not_released_to_its_end_is_not_handed_on(state: State) -> None:
    """Failed, destroyed, imported, killed at any moment, or still under way."""
    state.ends("update", "failed")
    assert state.says() is None
    state.ends("update")
    state.ends("destroy")
    assert state.says() is None
    state.ends("update")
    assert state.says() is not None
    state.put("what an update wrote before it was killed")
    assert state.says() is None
    state.ends("update")
    state.lock()
    assert state.says() is None
