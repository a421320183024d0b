"""Releases: edit the stack's file, show what will happen, run the update, say how it ended."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

import typer

from bluegreen.cli import data, recover
from bluegreen.cli.checkpoint import mend
from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.git import commit
from bluegreen.cli.lock import find_lock
from bluegreen.cli.plan import Changes, Plan, as_text
from bluegreen.cli.progress import Progress
from bluegreen.cli.project import Project, who
from bluegreen.config.settings import COLORS, Color, other

LOCKED = "the stack is currently locked"


def live_color(project: Project) -> Color | None:
    """The live color: nginx's word, else the stack's outputs; None before the first release."""
    edge = project.edge()
    color = edge.color if edge else (project.outputs().get("live") or {}).get("color")
    return color if color in COLORS else None


def deploy(project: Project, version: str, progress: Progress, *, yes: bool, git: bool) -> None:
    """Release a version on the idle color; without one, what the config says of that color."""
    project.create()
    live, file = live_color(project), project.file
    target: Color = other(live) if live else (file.active_color or "blue")
    if live and file.active_color == live and _unfinished(project, live):
        target = live  # its update was killed behind its switch: the same command ends it
    if not version and live and file.active_color == live:
        version = file.get(f"{live}_version")  # the same version, with changed settings
    version = version or file.get(f"{target}_version")
    if not version:
        raise CommandError(
            f"no version: {target}_version is not set in {file.path.name}",
            todo="bluegreen deploy VERSION",
            code=Exit.USAGE,
        )
    release(project, target, version, progress, copy=data.copy_to_deploy(project), yes=yes, git=git)


def _unfinished(project: Project, live: Color) -> bool:
    """Whether no update that ended well has made this color live."""
    for update in project.history():
        if update.result == "succeeded":
            return project.ours(update.config)["active_color"].value != live
    return True


def abort(project: Project, progress: Progress, *, yes: bool, git: bool) -> None:
    """Give up a release that failed: the file says again what is live, and an update tidies."""
    live = live_color(project)
    if not live:
        raise CommandError("no color is live: there is nothing to go back to", code=Exit.USAGE)
    edge = project.edge()
    version = edge.version if edge else project.file.get(f"{live}_version")
    copy = data.copy_of_live(project, live)
    release(project, live, version, progress, copy=copy, yes=yes, git=git)


def rollback(project: Project, progress: Progress, *, yes: bool, git: bool) -> None:
    """Flip back; after a failed release that means what is live."""
    live, file = live_color(project), project.file
    if not live:
        raise CommandError("no color is live: there is nothing to go back to", code=Exit.USAGE)
    if file.active_color and file.active_color != live:
        abort(project, progress, yes=yes, git=git)
        return
    back = other(live)
    version = file.get(f"{back}_version") or _version_before(project, back)
    if not version:
        raise CommandError(
            f"there is no release before {live} {file.get(f'{live}_version')}",
            serves=project.serves(),
            todo="bluegreen deploy VERSION",
            code=Exit.USAGE,
        )
    for line in data.warnings(project, version):
        progress.tell("data", line)
    copy = data.copy_before(project)
    release(project, back, version, progress, copy=copy, yes=yes, git=git)


def _version_before(project: Project, color: Color) -> str:
    """The version that a color carried when it was last live, from the history."""
    for update in project.history():
        config = {key: given.value for key, given in project.ours(update.config).items()}
        if update.result == "succeeded" and config.get("active_color") == color:
            return str(config.get(f"{color}_version", ""))
    return ""


def release(
    project: Project,
    color: Color,
    version: str,
    progress: Progress,
    *,
    copy: str,
    yes: bool,
    git: bool,
) -> None:
    """Make a color live at a version, on a copy of the data ("": as its mode has it)."""
    file = project.file
    before = project.serves()
    file.change_copy(copy)
    file.change(**{f"{color}_version": version, "active_color": color})
    try:
        project.said.checked()
        _preview(project, progress)
        if not yes and not typer.confirm("Do it?"):
            raise CommandError("not done", serves=before, code=Exit.OK)
    except BaseException:
        file.restore()  # the file is changed only if the update is run
        raise
    with one_interrupt(progress) as interrupted:
        outcome = project.up(f"{who()}: {before} → {color} {version}", progress)
    if outcome.ok:
        edge = project.edge()
        if not edge or edge.color != color:
            raise CommandError(f"{color} {version} is not live", serves=project.serves())
        progress.tell("live", f"{edge.color} {edge.version} is live", color=color, version=version)
        if git:
            commit(project, f"{project.name}: {before} → {color} {version}")
        return
    errors = progress.errors or outcome.errors
    if any(LOCKED in each for each in errors):
        file.restore()  # somebody else is at work on the stack, and nothing of this was begun
        todo = "wait for it; if it is dead, `pulumi cancel` removes its lock"
        raise CommandError("\n".join(errors), serves=project.serves(), todo=todo)
    if interrupted.is_set():
        raise CommandError(
            "\n".join([f"the release of {color} {version} was interrupted", *errors]),
            serves=project.serves(),
            todo=(
                f"run the same command again to finish it, or `bluegreen deploy --abort -s "
                f"{project.name}` to give it up"
            ),
            code=Exit.INTERRUPTED,
        )
    raise CommandError(
        "\n".join(errors),
        serves=project.serves(),
        todo=(
            f"fix the problem and run the same command again, or `bluegreen deploy --abort -s "
            f"{project.name}` to set {file.path.name} back"
        ),
    )


def heal_first(project: Project, progress: Progress, *, yes: bool) -> None:
    """Before a release: remove what a killed update left, once that is agreed to.

    Raises:
        CommandError: not agreed to; somebody else is at work; or what is there is not this
            stack's, of which nothing is touched.
    """
    lock = find_lock(project)
    if not lock or lock.dead:  # before Pulumi reads what a killed one may have left cut short
        for line in mend(project.namespace, project.name):
            progress.tell("recovered", line)
    project.create()
    found = recover.examine(project)
    if found.foreign:
        recover.refuse_foreign(project, found)
    if not found.words:
        return
    progress.tell("plan", "\n".join(["first:", *(f"  {line}" for line in found.words)]))
    if not yes and not typer.confirm("Do it?"):
        raise CommandError("not done", serves=project.serves(), code=Exit.OK)
    for line in recover.heal(project, found):
        progress.tell("recovered", line)


def _preview(project: Project, progress: Progress) -> None:
    shown = Progress(quiet=True)
    changes = Changes(shown)
    outcome = project.preview(changes)
    if not outcome.ok:
        errors = shown.errors or outcome.errors
        raise CommandError("\n".join(errors), serves=project.serves(), code=Exit.USAGE)
    progress.tell("plan", as_text(Plan(project.name, outcome.words, changes.steps)))


@contextmanager
def one_interrupt(progress: Progress) -> Iterator[Event]:
    """Let Ctrl-C end the update in good order: pulumi gets it too, and this waits for it.

    Yields an event that is set once Ctrl-C has come.
    """
    came = Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        came.set()
        progress.tell("interrupted", "stopping; what serves now keeps serving …")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)
