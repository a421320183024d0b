"""Down: the stack is removed; its data only if that is said, and confirmed."""

import typer

from bluegreen.cli.data import accounts, volumes
from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.ownership import require_own
from bluegreen.cli.progress import Progress
from bluegreen.cli.project import Project
from bluegreen.docker.shell import ask


def down(project: Project, *, with_data: bool, yes: bool) -> list[str]:
    """Remove it; return what was removed and what is kept, a phrase each.

    Raises:
        CommandError: not confirmed, not this state's, or it could not be removed.
    """
    _ = project.stack  # told by name if there is no such stack
    situation = project.look()
    require_own(project, situation, volumes=with_data)
    kept = volumes(project)
    edge = situation.edge
    serves = f"{edge.color} {edge.version} serves until then" if edge else situation.serves
    what = f"stack {project.name} ({serves})"
    also = f", with ALL DATA in {', '.join(kept)}" if with_data and kept else ""
    if not yes and not typer.confirm(f"Remove {what}{also}?"):
        raise CommandError("not done", serves=project.serves(), code=Exit.OK)
    outcome = project.destroy(Progress(quiet=True))
    if not outcome.ok:
        raise CommandError("\n".join(outcome.errors), serves=project.serves())
    done = [f"removed: stack {project.name}"]
    for volume in kept:
        if not with_data:
            done.append(f"kept: volume {volume} (`docker volume rm {volume}` removes it)")
            continue
        removed = ask(project.docker, "volume", "rm", volume)
        if removed.returncode:
            raise CommandError(f"volume {volume}: {removed.stderr.strip()}")
        done.append(f"removed: volume {volume}")
    return done + [
        f"kept: volume {volume}, ACME's account and certificates (docs/tls.md)"
        for volume in accounts(project)
    ]
