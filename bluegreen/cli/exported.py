"""A stack's state as Pulumi exports it: read, taken apart and put back in this one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import automation

from bluegreen.cli.failures import told
from bluegreen.cli.project import Project
from bluegreen.plan.ownership import StackState

STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Exported:
    """A state: its format's version, and the deployment as Pulumi has it (secrets hidden)."""

    version: int
    deployment: Mapping[str, Any]

    @property
    def resources(self) -> Sequence[Mapping[str, Any]]:
        """All resources, but for the stack itself."""
        return [each for each in self._all if each["type"] != STACK]

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs; secret ones as Pulumi hides them."""
        stacks = (each for each in self._all if each["type"] == STACK)
        return next(stacks, {}).get("outputs") or {}

    @property
    def pending(self) -> list[Mapping[str, Any]]:
        """What an update has begun, and not said that it ended."""
        return self.deployment.get("pending_operations") or []

    @property
    def owned(self) -> StackState:
        """Whose it is, and what it knows."""
        return StackState.of(self.deployment)

    @property
    def _all(self) -> list[Mapping[str, Any]]:
        return self.deployment.get("resources") or []


NOTHING = Exported(3, {})


def export(project: Project) -> Exported:
    """Read the state.

    Raises:
        CommandError: it cannot be read; with Pulumi's words and what to do.
    """
    with told():
        found = project.stack.export_stack()
    return Exported(found.version or NOTHING.version, dict(found.deployment or {}))


def put_back(project: Project, state: Exported) -> None:
    """Replace the state.

    Raises:
        CommandError: Pulumi refuses it, as for a stack that is locked.
    """
    with told():
        project.stack.import_stack(automation.Deployment(state.version, dict(state.deployment)))
