"""A stack's state as Pulumi exports it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import CommandError as PulumiError

from bluegreen.cli.errors import CommandError
from bluegreen.cli.exported import Exported, export
from bluegreen.cli.project import Project


def project(answer: Any) -> Project:
    """A project whose stack is exported by this call."""
    return cast("Project", SimpleNamespace(stack=SimpleNamespace(export_stack=answer)))


def test_a_new_stack_has_nothing() -> None:
    """Pulumi exports no deployment at all, or one without resources."""
    for deployment in (None, {}, {"resources": None}):
        found = export(project(lambda: SimpleNamespace(version=3, deployment=deployment)))  # noqa: B023
        assert (found.resources, found.outputs, found.pending) == ([], {}, [])
        assert found.owned.owner == ""


def test_the_stack_itself_holds_the_outputs_and_is_no_resource() -> None:
    """What is counted is what the stack has made."""
    stack = {"type": "pulumi:pulumi:Stack", "outputs": {"live": {"color": "blue"}}}
    found = Exported(3, {"resources": [stack, {"type": "bluegreen:index:Service"}]})
    assert [each["type"] for each in found.resources] == ["bluegreen:index:Service"]
    assert found.outputs["live"]["color"] == "blue"


def test_a_state_that_cannot_be_read_is_told_with_what_to_do() -> None:
    """Not taken for an empty one."""

    def fail() -> None:
        said = "error: failed to load checkpoint: unexpected end of JSON input"
        raise PulumiError(CommandResult(stdout="", stderr=said, code=255))

    with pytest.raises(CommandError, match="failed to load checkpoint") as caught:
        export(project(fail))
    assert "bluegreen recover" in caught.value.todo
