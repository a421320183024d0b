"""What every data mode answers, and the values that go in and come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol

from bluegreen.config.settings import Color, Data, Docker
from bluegreen.data.snapshots import Snapshot

Act = Literal["", "snapshot", "clone", "check"]


@dataclass(frozen=True)
class Ground:
    """What a mode is made from.

    Attributes:
        data: the stack's settings of its data.
        database_url: of an external database; "" without.
        data_path: where the service keeps its data in its container; "" = nowhere.
        docker: which daemon.
    """

    data: Data
    database_url: str = ""
    data_path: str = ""
    docker: Docker = field(default_factory=Docker)


@dataclass(frozen=True)
class Present:
    """What there is before an update.

    Attributes:
        live: the live color; "" before the first release.
        target: the color that the update makes live.
        copy: the copy that users' data is in; "" = the one it began in.
        other: the copy that the color which is not the target runs on.
        new: a name for a clone.
    """

    live: str
    target: Color
    copy: str
    other: str
    new: str


@dataclass(frozen=True)
class DataPlan:
    """What an update does with the data.

    Attributes:
        copies: the copy that each color runs on; "" = the one that the data began in.
        live: the copy that users' data is in before the update.
        act: what is to be done before the target starts; "" = nothing.
        changes: whether the target will run on other data than users have now.
    """

    copies: Mapping[Color, str]
    live: str = ""
    act: Act = ""
    changes: bool = False

    def due(self, starts: bool) -> "DataPlan":
        """The plan of an update that starts the target, or switches to it; else nothing is due."""
        return self if starts else replace(self, act="", changes=False)


@dataclass(frozen=True)
class Release:
    """What a plan's words are about.

    Attributes:
        service: prefix of everything the stack makes in Docker.
        target: the color to be live.
        live: the color that is; "" before the first release.
        plan: the plan of the data.
        recorded: the stack's output `data`: {mode, copy, before, at}; empty at first.
        since: since when the live color serves; "" unknown.
        bake: seconds that users' requests are watched for.
    """

    service: str
    target: Color
    live: str
    plan: DataPlan
    recorded: Mapping[str, str]
    since: str
    bake: float


@dataclass(frozen=True)
class Job:
    """What a data step has to do.

    Attributes:
        service: prefix of everything the stack makes in Docker.
        act: what is due; "" = only a look at the copy that the target will run on.
        changes: whether the target will run on other data than users have now.
        target: the color to be live.
        copy: the copy that it will run on.
        live: {color, version, copy} of what serves; empty values before the first release.
        edge: name of the edge's container.
    """

    service: str
    act: str
    changes: bool
    target: str
    copy: str
    live: Mapping[str, str]
    edge: str = ""


@dataclass(frozen=True)
class Needed:
    """A volume that has to be there before anything is started, and what for, as a phrase."""

    volume: str
    copy: str
    use: str


class Mode(Protocol):
    """One way of keeping the data through a release.

    Attributes:
        name: what `data.mode` says.
        keeps_data: whether there is data at all: to copy, to check, to take snapshots of.
        on_volumes: whether it is in volumes, one for each copy.
        migrates_in_place: whether a new version changes the data that users have, so that an
            older one may not be able to run on it any more.
        needs_edge: whether the data step needs the edge's container, or its network.
        doing: what the data step does, as a phrase.
    """

    name: ClassVar[str]
    keeps_data: ClassVar[bool]
    on_volumes: ClassVar[bool]
    migrates_in_place: ClassVar[bool]
    needs_edge: ClassVar[bool]
    doing: ClassVar[str]

    def __init__(self, ground: Ground) -> None:
        """Ask and touch nothing yet."""

    @staticmethod
    def copy_to_deploy(pinned: str) -> str:
        """What a new release's file names as its copy, where the file now names this one."""

    @staticmethod
    def copy_before(recorded: str) -> str:
        """What a rollback names, if the copy from before is recorded as this one; "" = none."""

    @property
    def holds_writes(self) -> bool:
        """Whether writes wait while a switch to other data is on trial."""

    def plan(self, present: Present) -> DataPlan:
        """What the update does with the data.

        Raises:
            ConfigError: `data.copy` names what the live color runs on.
        """

    def describe(self, release: Release) -> str:
        """The plan in words: one line, without the mode's name; nothing secret."""

    def required(
        self,
        service: str,
        plan: DataPlan,
        declared: Sequence[Color],
        target: Color,
        *,
        had_volumes: bool,
    ) -> list[Needed]:
        """The volumes that must be there: Docker would make an empty one of a missing name.

        Args:
            service: prefix of everything the stack makes in Docker.
            plan: the plan.
            declared: colors that run after the update.
            target: the color to be live.
            had_volumes: whether users have data in a volume already.
        """

    def act(self, job: Job) -> dict[str, Any]:
        """Do what is due; return outputs of the data step.

        Raises:
            DataFailed: it could not be done; the message says why.
        """

    def volume(self, service: str, copy: str) -> str:
        """The volume that a color mounts at `data_path`, if it has one."""

    def place(self, service: str, copy: str) -> str:
        """Where a copy is, in words."""

    def environment(self, copy: str, *, several: bool) -> dict[str, str]:
        """Variables that a color needs for its data; `several`: it is more than one replica."""

    def schema(self, service: str, copy: str) -> str:
        """The schema of a copy as it is now, as a short digest.

        Raises:
            DataFailed: it cannot be read.
        """

    def take(self, service: str, live: Mapping[str, str], reason: str) -> Snapshot:
        """Take a snapshot of what is live, {color, version, copy}, which stays in use.

        Raises:
            DataFailed: it could not be taken.
        """

    def restore(self, service: str, snapshot: str) -> str:
        """Fill a new copy with a snapshot; return the copy's name.

        Raises:
            DataFailed: it could not be restored.
        """
