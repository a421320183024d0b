"""Rebuild a stack's lost state from what runs, without touching any of it.

The program is run twice, in a preview and in an update, with stand-ins for Pulumi's plugins that
find what there is instead of making it (`cli/rebuilding`). The preview shows all that differs
from the config, so that nothing is written before all of it fits.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import typer
from pulumi.automation.events import EngineEvent

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.exported import NOTHING, export, put_back
from bluegreen.cli.lock import find_lock
from bluegreen.cli.plan import Changes
from bluegreen.cli.progress import Progress
from bluegreen.cli.project import Outcome, Project, who
from bluegreen.cli.rebuilding.acts import Known
from bluegreen.cli.rebuilding.found import Search
from bluegreen.cli.rebuilding.relay import ATTACH, DYNAMIC, relayed
from bluegreen.cli.release import one_interrupt
from bluegreen.cli.status import hand_edited
from bluegreen.config.settings import COLORS
from bluegreen.data.names import copy_of, data_of
from bluegreen.docker.facts import LABEL, STACK_LABEL
from bluegreen.docker.shell import ask
from bluegreen.edge.state import State
from bluegreen.plan.shared import OUTPUT
from bluegreen.plan.situation import Situation
from bluegreen.plan.update import REBUILD

PACKAGES = ("docker", "command", DYNAMIC)
SWITCHES = "update switch"


def rebuild(project: Project, *, yes: bool) -> list[str]:
    """Write the state anew from what runs; return what was done, a phrase each.

    Raises:
        CommandError: refused, with nothing written and nothing touched.
    """
    situation = project.look()
    _require_known(project, situation)
    live = None if project.is_edge else _require_live(project, situation)
    project.create()
    _require_lost(project)
    known = _know(project, situation, live)
    search = _run(project, known, project.preview)
    print(_describe(project, situation, search))
    if not yes and not typer.confirm("Write the state?"):
        raise CommandError("not done", serves=project.serves(), code=Exit.OK)
    what = f"{live.color} {live.version}" if live else "an edge"
    message = f"{who()}: state rebuilt from what runs: {what}"
    try:
        with one_interrupt(Progress()):
            search = _run(project, known, lambda on_event: project.up(message, on_event))
        changes = _changes(project)
    except BaseException:
        put_back(project, NOTHING)
        raise
    touched = [step for step in changes if step != SWITCHES]
    if touched:
        put_back(project, NOTHING)
        reason = f"with this state, the next update would change something: {', '.join(touched)}"
        raise _refused(project, [reason], f"change {project.file.path.name} to match what runs")
    done = [f"the state of stack {project.name} has {len(search.found)} resources again"]
    if changes:
        done.append(
            "the next update reloads nginx, because its config differs from what the file produces"
        )
    return [*done, "a preview changes nothing else" if changes else "a preview changes nothing"]


def _require_known(project: Project, situation: Situation) -> None:
    """What runs has to be known for sure, and to be one stack's."""
    unknown = [
        f"{name} could not be asked: {why}"
        for name, why in {**situation.troubles, **situation.unknown}.items()
    ]
    unknown += [why for why in (situation.no_manager, situation.disagreement) if why]
    if not unknown and any(hand_edited(place, project.service) for place in project.places()):
        unknown = [
            "nginx's config is not the one confirmed last: a release is on trial, or it was "
            "edited by hand"
        ]
    if len(owners := _owners(situation)) > 1:
        reason = (
            f"what runs was created by several stacks: {', '.join(owners)} (label {STACK_LABEL})"
        )
        raise _refused(project, [reason], f"docker ps -a --filter label={LABEL}={project.service}")
    if unknown:
        raise _refused(project, unknown, "fix the problem above, then run this command again")


def _require_live(project: Project, situation: Situation) -> State:
    """What serves: it has to be what the file says."""
    live, file = situation.edge, project.file
    if not live:
        raise _refused(project, ["no color is live"], "bluegreen deploy VERSION")
    wished = file.active_color or "", file.get(f"{live.color}_version")
    if wished != (live.color, live.version):
        shown = f"active_color {wished[0] or 'nothing'}, {live.color}_version {wished[1] or 'none'}"
        reason = f"{live.color} {live.version} is live, {file.path.name} says {shown}"
        todo = (
            f"set active_color to {live.color} and {live.color}_version to {live.version}, "
            "then run this command again"
        )
        raise _refused(project, [reason], todo)
    return live


def _require_lost(project: Project) -> None:
    again = f"bluegreen recover --stack {project.name}"
    if lock := find_lock(project):
        todo = "wait for it" if not lock.dead else f"`{again}` removes the lock"
        raise _refused(project, [f"the stack is locked by {lock.holder}"], todo)
    state = export(project)
    if not state.resources:
        return
    todo = f"`{again}`, if an update was killed"
    if not state.outputs.get("live") and OUTPUT not in state.outputs:
        todo = (
            f"if it is only the remains of a state, `pulumi stack rm --force "
            f"--preserve-config --stack {project.name}` deletes it without touching what runs; "
            "then run this command again"
        )
    raise _refused(
        project, [f"the state is not lost: it has {len(state.resources)} resources"], todo
    )


def _refused(project: Project, reasons: list[str], todo: str) -> CommandError:
    listed = "".join(f"\n  - {reason}" for reason in reasons)
    return CommandError(
        f"the state was not rebuilt; nothing was touched:{listed}",
        serves=project.serves(),
        todo=todo,
        code=Exit.USAGE,
    )


def _know(project: Project, situation: Situation, live: State | None) -> Known:
    """What the live color's data was copied from, which a clone's volume says."""
    container = situation.containers.get(live.color) if live else None
    copy = container.copy if container else ""
    words = ("volume", "inspect", "--format", "{{json .Labels}}", copy_of(project.service, copy))
    done = ask(project.docker, *words)
    labels = (json.loads(done.stdout) if done.returncode == 0 else None) or {}
    source = labels.get("bluegreen.cloned")
    owner = next(iter(_owners(situation)), "")
    if not copy or not source:
        return Known(live, before=copy, owner=owner)
    before = source.removeprefix(data_of(project.service)).removeprefix("-")
    return Known(live, before, _moment(copy), owner)


def _owners(situation: Situation) -> list[str]:
    """The ids of the stacks that made what runs; a volume may be of a stack before it."""
    return sorted({t.owner for t in situation.things if t.kind != "volume"} - {""})


def _moment(copy: str) -> str:
    """When a clone was begun, which its name says."""
    try:
        return datetime.strptime(f"{copy} +0000", "%Y%m%d-%H%M%S-%f %z").isoformat()
    except ValueError:
        return ""


def _run(
    project: Project, known: Known, act: Callable[[Callable[[EngineEvent], None]], Outcome]
) -> Search:
    """Run the program with stand-ins for the plugins; refuse what does not fit."""
    search, shown = Search(project.service, known), Progress(quiet=True)
    with relayed(PACKAGES, search) as ports, _environment(project, {ATTACH: ports, REBUILD: "1"}):
        outcome = act(shown)
    if search.troubles:
        todo = f"change {project.file.path.name} to match what runs, then run this command again"
        raise _refused(project, search.troubles, todo)
    if not outcome.ok:
        raise _refused(project, shown.errors or outcome.errors, "fix the problem above")
    return search


@contextmanager
def _environment(project: Project, values: dict[str, str]) -> Iterator[None]:
    workspace = project.stack.workspace
    before = workspace.env_vars
    workspace.env_vars = {**before, **values}
    try:
        yield
    finally:
        workspace.env_vars = before


def _describe(project: Project, situation: Situation, search: Search) -> str:
    live, brought_in = situation.edge, search.brought_in
    serves = f"{live.color} {live.version} is live. " if live else ""
    lines = [f"{serves}The new state will take over, unchanged:"]
    lines += [f"  {what}" for what in brought_in]
    for color in COLORS:
        name = f"container {project.service}-{color}"
        if color in situation.containers and project.platform.idle_stays and name not in brought_in:
            lines.append(f"not taken over, because the config does not have it: {name}")
    return "\n".join(lines)


def _changes(project: Project) -> list[str]:
    """What an update would do with the new state, such as "update switch"."""
    shown = Progress(quiet=True)
    changes = Changes(shown)
    outcome = project.preview(changes)
    if not outcome.ok:
        raise _refused(project, shown.errors or outcome.errors, "fix the problem above")
    return changes.steps
