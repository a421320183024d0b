"""Promote: bring the version that is live in one stack to the next."""

from datetime import UTC, datetime

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.plan import read_plan
from bluegreen.cli.project import Project
from bluegreen.docker.shell import Shell
from bluegreen.edge.nginx import Nginx
from bluegreen.errors import BluegreenError


def version_to_promote(source: Project, min_age: float) -> str:
    """The version live in the source stack, if it is healthy now and has been live long enough.

    Args:
        source: the stack to take the version from.
        min_age: minutes that it must have been live.
    """
    edge = source.edge()
    if not edge:
        raise _refuse(source, "no color is live")
    age = (datetime.now(UTC) - datetime.fromisoformat(edge.since)).total_seconds() / 60
    if age < min_age:
        raise _refuse(
            source, f"{edge.version} has been live for only {age:.1f} of {min_age:g} minutes"
        )
    if trouble := _trouble(source, edge.color):
        raise _refuse(source, f"{edge.color} {edge.version} is not healthy now: {trouble}")
    return edge.version


def is_there(target: Project, version: str) -> bool:
    """Whether the target serves the version as its file says, so that nothing is to be released.

    A workflow promotes after every merge; most merges change nothing for a stack.
    """
    edge, file = target.edge(), target.file
    if not edge or edge.version != version:
        return False
    if (file.active_color, file.get(f"{edge.color}_version")) != (edge.color, version):
        return False
    try:
        plan = read_plan(target)
    except CommandError:
        return False
    # Refused: its settings changed, and a release on the idle color brings them.
    return not (plan.words or plan.changes or plan.refused)


def _trouble(source: Project, color: str) -> str:
    """What is wrong with the live color, asked through each edge; "" when it answers well.

    From inside the edge, as the gate does: whoever promotes need not reach another host's port, and
    what that port wants of users (TLS, a host, the PROXY protocol) says nothing of the color.
    """
    health = source.said.settings.health
    for place in source.places():
        try:
            with Shell(place.container, place.docker) as shell:
                answer = Nginx(shell, source.service, health).ask(color)
        except BluegreenError as error:
            return str(error)
        if answer.complaint:
            return f"{health.path}: {answer.complaint} (seen: {answer.seen})"
    return ""


def _refuse(source: Project, why: str) -> CommandError:
    return CommandError(
        f"{source.name} cannot be promoted: {why}",
        serves=f"{source.name}: {source.serves()}",
        todo=f"bluegreen status --stack {source.name}",
        code=Exit.FAILED,
    )
