"""`bluegreen logs`: which lines are shown, and what is said where they cannot be read."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.logs import Filter, read_errors, read_log
from bluegreen.cli.project import Project
from bluegreen.config.settings import Docker, Place
from tests.unit.conftest import FakeDocker


def line(service: str = "shop", color: str = "blue", status: int = 200, uri: str = "/") -> str:
    """One line as nginx writes it."""
    return json.dumps({"service": service, "color": color, "status": status, "uri": uri})


PROJECT = cast("Project", SimpleNamespace(places=lambda: (Place("shop-edge", Docker()),)))


@pytest.mark.parametrize(
    ("text", "color", "status", "shown"),
    [
        (line(), "", "", True),
        (line(service="other"), "", "", False),
        (line(service="", color="", status=400), "", "4xx", True),  # refused before it had a color
        (line(color="green"), "blue", "", False),
        (line(color="blue"), "blue", "", True),
        (line(status=502), "", "5xx", True),
        (line(status=404), "", "5xx", False),
        (line(status=404), "", "404", True),
        ("nginx: not JSON", "", "", False),
        ("5", "", "", False),
    ],
)
def test_a_line_is_shown_if_it_is_what_was_asked_for(
    text: str, color: str, status: str, *, shown: bool
) -> None:
    """By service, color and status; never another service's."""
    assert Filter("shop", color, status).wants(text) is shown


def test_every_mistake_is_told_at_once() -> None:
    """With what is allowed, as a usage error."""
    with pytest.raises(CommandError) as refused:
        Filter("shop", "red", "6xx")
    assert refused.value.code == Exit.USAGE
    assert "--color red: allowed: blue or green" in str(refused.value)
    assert "--status 6xx: allowed: a status such as 404, or a class: 5xx" in str(refused.value)


def test_the_last_lines_are_shown_oldest_first(fake_docker: FakeDocker, tmp_path: Path) -> None:
    """Those that fit, of the log from before it was turned, too."""
    log = tmp_path / "log"
    log.write_text("".join(f"{line(uri=f'/{n}')}\n" for n in range(5)))
    fake_docker.does("exec", f"cat '{log}'")
    found = read_log(PROJECT, Filter("shop"), 2)
    assert [json.loads(each)["uri"] for each in found] == ["/3", "/4"]
    log.write_text("one\ntwo\n")
    assert read_errors(PROJECT, 1) == ["two"]


def test_an_edge_that_does_not_run_is_told(fake_docker: FakeDocker) -> None:
    """With what Docker says, and where to look."""
    fake_docker.does("exec", "echo 'container is not running' >&2; exit 1")
    with pytest.raises(CommandError, match="the log of shop-edge could not be read: container is"):
        read_log(PROJECT, Filter("shop"), 2)
