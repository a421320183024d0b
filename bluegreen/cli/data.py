"""The stack's data: its snapshots, and which copy of it a release runs on."""

from dataclasses import dataclass
from typing import Any

from bluegreen.cli.errors import CommandError, Exit
from bluegreen.cli.project import Project
from bluegreen.config.data import FIRST
from bluegreen.config.database import Database
from bluegreen.config.settings import Settings
from bluegreen.data import tools
from bluegreen.data.client import Client
from bluegreen.data.dumps import restore_dump, take_dump
from bluegreen.data.names import copy_of, snapshots_of
from bluegreen.data.snapshots import BY_HAND, Snapshot, Store
from bluegreen.docker.facts import LABEL
from bluegreen.docker.shell import ask


@dataclass(frozen=True)
class Held:
    """What a stack has: its settings, its snapshots, and what is live (empty before a release)."""

    project: Project
    settings: Settings
    store: Store
    color: str
    version: str
    copy: str

    @classmethod
    def by(cls, project: Project) -> "Held":
        """Ask the stack; CommandError for one without data."""
        settings = project.settings()
        if settings.data.mode == "none":
            raise CommandError(
                "data.mode is none: there is no data to take snapshots of", code=Exit.USAGE
            )
        edge = project.edge()
        color = edge.color if edge else ""
        store = Store(project.docker, settings.data.tools_image, project.service)
        copy = _live_copy(project, color)
        return cls(project, settings, store, color, edge.version if edge else "", copy)

    @property
    def database(self) -> Database | None:
        """The external database in use."""
        url = self.settings.database_url
        return Database.from_url(url).copy(self.copy) if url else None

    def _client(self, database: Database) -> Client:
        image = self.settings.data.client_image
        return Client(database, self.project.docker, image, self.project.service)

    def schema(self) -> str:
        """The schema of the data now."""
        if self.database:
            return self._client(self.database).check()
        found: dict[str, Any] = tools.run_inside(
            self.project.docker,
            self.settings.data.tools_image,
            "schema",
            {},
            {"/data": self._volume},
            service=self.project.service,
        )
        return str(found["schema"])

    @property
    def _volume(self) -> str:
        return copy_of(self.project.service, self.copy)

    def take(self) -> Snapshot:
        """Take a snapshot of what is live."""
        if not self.color:
            raise CommandError("no color is live: there is no data yet", code=Exit.USAGE)
        live = {"color": self.color, "version": self.version}
        if self.database:
            docker, data = self.project.docker, self.settings.data
            service = self.project.service
            return take_dump(docker, data, service, self.database, live, reason=BY_HAND)
        return self.store.take(self._volume, **live, reason=BY_HAND, keep=0)

    def restore(self, identity: str) -> str:
        """Make a copy of the data from a snapshot, beside what is live; return its name."""
        if not self.settings.database_url:
            return self.store.restore(identity)
        docker, data = self.project.docker, self.settings.data
        first = Database.from_url(self.settings.database_url)
        return restore_dump(docker, data, self.project.service, first, identity)


def copy_to_deploy(project: Project) -> str:
    """What a new release runs on: a fresh clone, or the copy that the file names."""
    data = project.file.data
    return "" if data.get("mode") == "clone" else str(data.get("copy") or "")


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
    return before or (FIRST if project.file.data.get("mode") == "clone" else "")


def warnings(project: Project, version: str) -> list[str]:
    """What a version that is gone back to may not know of the data as it is now."""
    said = project.outputs().get("data") or {}
    if said.get("mode") not in ("shared", "external") or said.get("before") != said.get("copy"):
        return []
    held = Held.by(project)
    mine = [each for each in held.store.list() if each.version == version and each.schema]
    if not mine:
        return [f"no snapshot tells which schema {version} knows"]
    newest = mine[-1]
    now = held.schema()
    if now == newest.schema:
        return [f"the schema is as {version} left it ({now})"]
    return [
        f"the data was migrated since {version} (schema {newest.schema} then, {now} now), and "
        f"{version} may not run on it. As {version} left it, it is in snapshot {newest.id}: "
        f"`bluegreen snapshot restore {newest.id} --stack {project.name}` goes back to that, "
        "without what was written since"
    ]


def volumes(project: Project) -> list[str]:
    """Volumes with data and snapshots, which nothing but `down --with-data` removes."""
    listing = ("volume", "ls", "-q", "--filter", f"label={LABEL}={project.service}")
    found = ask(project.docker, *listing).stdout.split()
    data = f"{project.service}-data"
    return [
        each for each in found if each.startswith(data) or each == snapshots_of(project.service)
    ]
