"""Recover: remove what a killed update of this stack left; never what serves, nor another's."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bluegreen.cli.checkpoint import mend
from bluegreen.cli.data import volumes
from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.exported import export, put_back
from bluegreen.cli.failures import told
from bluegreen.cli.lock import Lock, find_lock
from bluegreen.cli.project import Project
from bluegreen.docker.facts import Thing, read_things
from bluegreen.docker.shell import ask
from bluegreen.edge.services import read_services
from bluegreen.errors import BluegreenError
from bluegreen.plan.ownership import foreign_reason
from bluegreen.platforms import relief

REMOVALS = {
    "container": ("rm", "-f", "-v"),
    "network": ("network", "rm"),
    "volume": ("volume", "rm"),
    "service": ("service", "rm"),
    "secret": ("secret", "rm"),
    "config": ("config", "rm"),
}
# A provider outlives its engine by some seconds, and ends what it was asked for.
LATE_SECONDS = 3.0
POLL = 0.1


@dataclass(frozen=True)
class Findings:
    """What there is to recover from.

    Attributes:
        lock: of an update that is dead; None without one.
        pending: what the state says was begun, and not whether it was ended.
        left: what an update of this stack left in Docker: services first, as they use the rest.
        foreign: what another state made, by the same names.
    """

    lock: Lock | None
    pending: list[Mapping[str, Any]]
    left: list[Thing]
    foreign: list[Thing]

    @property
    def words(self) -> list[str]:
        """What recovering does, a phrase each."""
        lock = [f"remove the lock of {self.lock.holder}, which is dead"] if self.lock else []
        begun = ["discard the unfinished operations of a killed update"] if self.pending else []
        return [
            *lock,
            *begun,
            *(f"remove {thing.kind} {thing.name}, left by a killed update" for thing in self.left),
        ]


def examine(project: Project) -> Findings:
    """Look for what a killed update left; nothing is changed.

    Raises:
        CommandError: another update holds the stack and may be alive, or something could not be
            asked: then nothing can be told to be a leftover.
    """
    lock = find_lock(project)
    if lock and not lock.dead:
        raise CommandError(
            f"the stack is locked by {lock.holder}, which is not known to be dead",
            serves=project.serves(),
            todo="wait for it; if it is dead, `pulumi cancel` removes its lock",
            code=Exit.FAILED,
        )
    exported = export(project)
    state, pending = exported.owned, exported.pending
    _await(project, pending)
    situation = project.look()
    things = [*_of_the_platform(project), *situation.things]
    left = state.leftovers(things)
    kept = set(volumes(project))
    if situation.edge:  # a color is live: the edge serves it, whoever has forgotten about it
        kept.add(f"{project.service}-{situation.edge.color}")
    if situation.edge or (left and project.is_edge and _has_services(project)):
        kept |= {project.service, *_serving(project, {thing.name for thing in left})}
    found = Findings(
        lock=lock,
        pending=pending,
        left=[thing for thing in left if thing.name not in kept],
        foreign=[thing for thing in state.foreign(things) if thing.kind != "volume"],
    )
    seen = {**situation.unknown, **situation.troubles}
    if (found.left or pending) and seen:
        raise CommandError(
            "cannot tell what a killed update left, because not everything could be asked: "
            + "; ".join(f"{where}: {why}" for where, why in seen.items()),
            serves=situation.serves,
            todo="make sure that Docker answers, then try again; nothing was removed",
            code=Exit.USAGE,
        )
    return found


def recover(project: Project) -> list[str]:
    """Heal; return what was done, a phrase each. Harmless when there is nothing to heal.

    Raises:
        CommandError: as `examine`; or what is there is another state's.
    """
    lock = find_lock(project)
    done = mend(project.namespace, project.name) if not lock or lock.dead else []
    found = examine(project)
    if found.foreign:
        refuse_foreign(project, found)
    return done + heal(project, found)


def refuse_foreign(project: Project, found: Findings) -> None:
    """Raise CommandError for what another state made: it has the names that are needed here."""
    raise CommandError(
        foreign_reason(found.foreign, project.name), serves=project.serves(), code=Exit.USAGE
    )


def heal(project: Project, found: Findings) -> list[str]:
    """Do what was found; return what was done, a phrase each."""
    done: list[str] = []
    if found.lock:
        with told():
            project.stack.cancel()
        done.append(f"removed the lock of {found.lock.holder}, which is dead")
    if not found.pending and not found.left:
        return done
    # Read again, as whoever agreed to this may have taken their time. Pulumi locks the stack to
    # put it back, in whatever backend: an update that is alive is noticed here, before anything
    # of it is taken away.
    state = export(project)
    put_back(project, replace(state, deployment={**state.deployment, "pending_operations": []}))
    done += ["discarded the unfinished operations of the killed update"] if found.pending else []
    edges = {place.container for place in project.places()}
    for thing in found.left:
        if thing.name in edges:  # beside its relief it has users, too
            relief.stop(thing.docker, thing.name, project.drain_timeout)
        removed = ask(thing.docker, *REMOVALS[thing.kind], thing.identity, timeout=60)
        if removed.returncode == 0:
            done.append(f"removed {thing.kind} {thing.name}, left by a killed update")
    return done


def _has_services(project: Project) -> bool:
    """Whether a shared edge serves anybody; where it cannot be asked, it may."""
    try:
        found = [each for place in project.places() for each in read_services(place) or []]
    except BluegreenError:
        return True
    return any(each.state for each in found)


def _serving(project: Project, left: Collection[str]) -> set[str]:
    """What the edges need to serve users: not an nginx whose replacement was cut short.

    Its relief serves until the next update has made it once more.
    """
    found = set[str]()
    for place in project.places():
        found.add(f"{place.container}-config")
        if place.container not in left or not relief.serves(place.docker, place.container):
            found.add(place.container)
    return found


def _await(project: Project, pending: list[Mapping[str, Any]]) -> None:
    """Give a provider time to make what it was asked for, so that it can be taken away."""
    wanted = {
        str(each["resource"].get("inputs", {}).get("name"))
        for each in pending
        if each["type"] == "creating" and "docker:index/" in each["resource"]["urn"]
    }
    deadline = time.monotonic() + LATE_SECONDS
    while wanted and time.monotonic() < deadline:
        things = (*_of_the_platform(project), *project.look().things)
        wanted -= {thing.name for thing in things}
        time.sleep(POLL if wanted else 0)


def _of_the_platform(project: Project) -> tuple[Thing, ...]:
    """What only the platform has, first: it uses the others."""
    return read_things(project.docker, project.service, project.platform.listings)
