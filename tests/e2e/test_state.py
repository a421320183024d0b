"""State that several machines share, and two of them that release at once."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.lab import postgres
from evidence.lab.processes import wait_for
from evidence.lab.stacks import BLUEGREEN, Stack
from tests.e2e.conftest import StackMaker


@pytest.fixture(params=["files", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place for state that two program folders reach, as two machines would."""
    if request.param == "files":
        shared = tmp_path / "shared"
        shared.mkdir()
        yield f"file://{shared}"
    else:
        with postgres.running() as server:
            yield f"{server.url}?sslmode=disable"


def test_of_two_releases_at_once_one_wins_and_the_other_says_who_holds_the_stack(
    backend: str, make_stack: StackMaker
) -> None:
    """The loser has touched nothing, and its file says what it said."""
    mine, theirs = make_stack(), make_stack()
    for stack in (mine, theirs):
        stack.environment["PULUMI_BACKEND_URL"] = backend
    done = mine.pulumi("stack", "init", mine.name)
    assert done.code == 0, done.output
    mine.up()
    other = the_same(theirs, mine)
    mine.configure(active_color="green", green_version="12.4.0", bake={"seconds": 12})
    process = mine.start(mine.command("up", "--yes", "--skip-preview"))
    try:
        wait_for(lambda: "baking" in mine.started_log.read_text(), 60, "the bake")
        file = other.file.read_text()
        plain = other.start(other.command("up", "--yes", "--skip-preview"))
        done = other.run([str(BLUEGREEN), "deploy", "12.4.1", "--yes", "--stack", mine.name])
        assert done.code != 0
        assert socket.gethostname() in done.output, done.output
        assert str(process.pid) in done.output
        assert other.file.read_text() == file
        assert plain.wait(60) != 0
        said = other.started_log.read_text()
        assert "the stack is currently locked" in said
        assert socket.gethostname() in said
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert mine.live() == ("green", "12.4.0")


def the_same(folder: Stack, stack: Stack) -> Stack:
    """Another machine's folder, for this stack."""
    text = stack.file.read_text()
    folder.name, folder.service = stack.name, stack.service
    folder.file.write_text(text)
    return folder
