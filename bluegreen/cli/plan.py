"""Plan: the next update in words, from a preview; nothing is changed by it."""

import json
import re
from dataclasses import asdict, dataclass, field

from pulumi.automation.events import EngineEvent

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.progress import QUIET, Progress
from bluegreen.cli.project import Project


@dataclass(frozen=True)
class Plan:
    """What the next update would do.

    Attributes:
        stack: whose update.
        words: the release, a line for each step; or how the live color is scaled, and that the
            color on standby is gone; else none.
        changes: what changes in Pulumi's terms, such as "update switch".
        refused: whether config or guard refuse the update.
        reasons: why, a text each.
    """

    stack: str
    words: list[str]
    changes: list[str]
    refused: bool = False
    reasons: list[str] = field(default_factory=list)


class Changes:
    """Takes a preview's events: the words are for `Progress`, the steps are kept."""

    def __init__(self, shown: Progress) -> None:
        """Pass every event on to shown."""
        self._shown = shown
        self.steps: list[str] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        self._shown(event)
        if not event.resource_pre_event:
            return
        step = event.resource_pre_event.metadata
        op = str(getattr(step.op, "value", step.op))
        name = step.urn.rpartition("::")[2]
        if op not in QUIET and not re.search("::pulumi:(providers|pulumi):", step.urn):
            self.steps.append(f"{op} {name}")


def read_plan(project: Project) -> Plan:
    """Preview the stack as its file is now.

    Raises:
        CommandError: the preview failed, and not as config or guard refuse the update.
    """
    if mistakes := project.said.mistakes:  # all of them, where the engine would stop at the first
        return Plan(project.name, [], [], True, list(mistakes))
    shown = Progress(quiet=True)
    changes = Changes(shown)
    _ = project.stack  # told by name if there is no such stack
    outcome = project.preview(changes)
    if outcome.reasons:
        return Plan(project.name, [], [], True, outcome.reasons)
    if not outcome.ok:
        errors = shown.errors or outcome.errors
        raise CommandError("\n".join(errors), serves=project.serves(), code=Exit.USAGE)
    return Plan(project.name, outcome.words, changes.steps)


def as_text(plan: Plan) -> str:
    """The plan for a terminal."""
    if plan.refused:
        return "\n".join(["refused; nothing was touched:", *(f"  - {r}" for r in plan.reasons)])
    if plan.words:
        return "\n".join(plan.words)
    if plan.changes:
        return f"no color is released; changes: {', '.join(plan.changes)}"
    return "nothing to release: everything is as the config says"


def as_json(plan: Plan) -> str:
    """The plan for programs."""
    return json.dumps(asdict(plan), indent=2)


def as_markdown(plan: Plan) -> str:
    """The plan for a pull request."""
    if plan.refused:
        reasons = "\n".join(f"- {reason}" for reason in plan.reasons)
        return f"**{plan.stack}**: refused\n\n{reasons}"
    if not plan.words:
        return f"**{plan.stack}**: {as_text(plan)}"
    title, *steps = plan.words
    if not steps:
        return f"**{plan.stack}**: {title}"
    lines = [f"**{plan.stack}**: {title}", "", "| step | what |", "|---|---|"]
    for step in steps:
        name, _, what = step.strip().partition(" ")
        lines.append(f"| {name} | {_cell(what.strip())} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
