"""Whether a stack's state owns what Docker has under its names; asked before it is touched."""

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.exported import export
from bluegreen.cli.project import Project
from bluegreen.plan.guard import renamed
from bluegreen.plan.ownership import StackState, foreign_reason
from bluegreen.plan.situation import Situation


def strangeness(project: Project, situation: Situation, state: StackState) -> str:
    """Why what Docker has is not this state's, with the next step; "" where it is, or is nothing.

    Volumes outlive a stack, so that one that finds only volumes may take them over.
    """
    if reasons := renamed(project.name, project.service, state):
        return reasons[0]
    things = [thing for thing in state.foreign(situation.things) if thing.kind != "volume"]
    return foreign_reason(things, project.name) if things else ""


def require_own(project: Project, situation: Situation, *, volumes: bool = False) -> StackState:
    """The stack's state, if it owns what it finds; with `volumes`, those too.

    Raises:
        CommandError: something could not be asked, or belongs to another state; nothing was
            touched.
    """
    seen = {**situation.unknown, **situation.troubles}
    # Of several edges one may be away; a release goes on without it, and so does this.
    if seen and (len(project.edges) == 1 or not situation.states):
        listed = "; ".join(f"{where}: {why}" for where, why in seen.items())
        raise CommandError(
            f"not everything could be asked: {listed}",
            serves=situation.serves,
            todo="make sure that Docker answers, then try again; nothing was touched",
            code=Exit.USAGE,
        )
    state = export(project).owned
    strange = strangeness(project, situation, state)
    kept = list(situation.volumes.values())
    if not strange and volumes and kept and state.prefix != situation.name:
        strange = foreign_reason(kept, project.name)
    if strange:
        raise CommandError(strange, serves=situation.serves, code=Exit.USAGE)
    return state
