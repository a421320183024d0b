"""The stack's data: its snapshots, and which copy of it a release runs on."""

from dataclasses import dataclass

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.ownership import require_own
from bluegreen.cli.project import Project
from bluegreen.config.data import FIRST
from bluegreen.config.settings import Docker
from bluegreen.data import modes
from bluegreen.data.modes.mode import Mode
from bluegreen.data.names import snapshots_of
from bluegreen.data.snapshots import BY_HAND, Snapshot, Store
from bluegreen.docker.facts import LABEL
from bluegreen.docker.shell import ask


@dataclass(frozen=True)
class Held:
    """What a stack has: its data's mode and snapshots, and what is live (empty at first)."""

    service: str
    mode: Mode
    store: Store
    color: str
    version: str
    copy: str

    @classmethod
    def by(cls, project: Project) -> "Held":
        """Ask the stack; CommandError for one without data."""
        settings = project.settings()
        mode = modes.of(settings)
        if not mode.keeps_data:
            raise CommandError(
                f"data.mode is {mode.name}: there is no data to take snapshots of", code=Exit.USAGE
            )
        situation = project.look()
        require_own(project, situation)
        edge = situation.edge
        color, version = (edge.color, edge.version) if edge else ("", "")
        store = Store(project.docker, settings.data.tools_image, project.service)
        return cls(project.service, mode, store, color, version, _live_copy(project, color))

    def schema(self) -> str:
        """The schema of the data now."""
        return self.mode.schema(self.service, self.copy)

    def take(self) -> Snapshot:
        """Take a snapshot of what is live."""
        if not self.color:
            raise CommandError("no color is live: there is no data yet", code=Exit.USAGE)
        live = {"color": self.color, "version": self.version, "copy": self.copy}
        return self.mode.take(self.service, live, BY_HAND)

    def restore(self, identity: str) -> str:
        """Make a copy of the data from a snapshot, beside what is live; return its name."""
        return self.mode.restore(self.service, identity)


def copy_to_deploy(project: Project) -> str:
    """What a new release runs on: a fresh clone, or the copy that the file names."""
    data = project.file.data
    return _kind(project).copy_to_deploy(str(data.get("copy") or ""))


def _kind(project: Project) -> type[Mode]:
    """The data's mode by the stack's file, whose other keys may not make sense yet."""
    return modes.named(str(project.file.data.get("mode") or ""))


def copy_of_live(project: Project, color: str) -> str:
    """The copy that the live color runs on, as the file would name it."""
    first = FIRST if project.file.data.get("copy") == FIRST else ""
    return _live_copy(project, color) or first


def _live_copy(project: Project, color: str) -> str:
    containers = project.look().containers
    recorded = (project.outputs().get("data") or {}).get("copy", "")
    return str(containers[color].copy if color in containers else recorded)


def copy_before(project: Project) -> str:
    """The copy that users had before the last release; what `rollback` goes back to."""
    before = (project.outputs().get("data") or {}).get("before", "")
    return _kind(project).copy_before(before)


def warnings(project: Project, version: str) -> list[str]:
    """What a version that is gone back to may not know of the data as it is now."""
    said = project.outputs().get("data") or {}
    in_place = "mode" in said and modes.named(said["mode"]).migrates_in_place
    if not in_place or said.get("before") != said.get("copy"):
        return []
    held = Held.by(project)
    mine = [each for each in held.store.list() if each.version == version and each.schema]
    if not mine:
        return [f"no snapshot records which schema {version} expects"]
    newest = mine[-1]
    now = held.schema()
    if now == newest.schema:
        return [f"the schema is as {version} left it ({now})"]
    return [
        f"the data was migrated since {version} (schema {newest.schema} then, {now} now), and "
        f"{version} may not run on it. As {version} left it, it is in snapshot {newest.id}: "
        f"`bluegreen snapshot restore {newest.id} --stack {project.name}` restores it, without "
        "what was written since"
    ]


def volumes(project: Project) -> list[str]:
    """Volumes with data and snapshots, which nothing but `down --with-data` removes."""
    data = f"{project.service}-data"
    return [
        each
        for each in _volumes(project, project.docker)
        if each.startswith(data) or each == snapshots_of(project.service)
    ]


def accounts(project: Project) -> list[str]:
    """Volumes with an account and certificates of ACME, which no command of ours removes."""
    acme = f"{project.service}-acme"
    found = [each for there in project.dockers for each in _volumes(project, there)]
    return [each for each in found if each.startswith(acme)]


def _volumes(project: Project, docker: Docker) -> list[str]:
    listing = ("volume", "ls", "-q", "--filter", f"label={LABEL}={project.service}")
    return ask(docker, *listing).stdout.split()
