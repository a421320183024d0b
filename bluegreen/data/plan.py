"""Which copy of the data each color runs on after an update, and what is done with it before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bluegreen.config.data import FIRST
from bluegreen.config.database import Database
from bluegreen.config.settings import COLORS, Color, Settings, other
from bluegreen.data.names import copy_of
from bluegreen.data.snapshots import moment_of
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State
from bluegreen.errors import ConfigError

Act = Literal["", "snapshot", "clone", "check"]


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


def plan_data(
    settings: Settings,
    live: str,
    containers: Mapping[str, Container],
    recorded: str,
    new: str,
) -> DataPlan:
    """Plan the data of an update.

    Args:
        settings: the stack's settings.
        live: the live color; "" before the first release.
        containers: what runs in Docker, by name.
        recorded: the live copy by the stack's outputs, for want of a container.
        new: a name for a clone.

    Raises:
        ConfigError: `data.copy` names what the live color runs on.
    """
    target, data = settings.active_color, settings.data
    pinned = "" if data.copy == FIRST else data.copy
    now = containers[live].copy if live in containers else recorded
    if data.mode == "none":
        return DataPlan(dict.fromkeys(COLORS, ""))
    if data.mode != "clone":
        act: Act = "check" if data.mode == "external" else "snapshot" if live else ""
        return DataPlan(dict.fromkeys(COLORS, pinned), now, act, bool(live) and pinned != now)
    if not live or live == target:
        mine, act = now if live else pinned, ""
    elif not data.copy:
        mine, act = new, "clone"
    elif pinned == now:
        raise ConfigError(
            [f"data.copy: {data.copy} is what {live} runs on; allowed: none, for a new clone"]
        )
    else:
        mine, act = pinned, ""
    standby = containers.get(other(target))
    copies: dict[Color, str] = {target: mine, other(target): standby.copy if standby else now}
    return DataPlan(copies, now, act, bool(live) and mine != now)


def describe_data(
    settings: Settings,
    name: str,
    plan: DataPlan,
    edge: State | None,
    recorded: Mapping[str, str],
) -> str:
    """What becomes of the data in a release, in one line.

    Args:
        settings: the stack's settings.
        name: prefix of everything the stack makes in Docker.
        plan: the plan.
        edge: what nginx serves.
        recorded: the stack's output `data`: {mode, copy, before, at}.
    """
    live = edge.color if edge else ""
    data, target = settings.data, settings.active_color
    before, after = (_place(settings, name, copy) for copy in (plan.live, plan.copies[target]))
    if data.mode == "none":
        return "none: what the service keeps in its container goes with its container"
    if plan.changes and plan.act != "clone":
        return (
            f"{data.mode}: {target} runs on {after}; what was written since "
            f"{_moment(plan.copies[target], edge, recorded)} is NOT in it, and "
            f"stays in {before}; writes wait while the switch is on trial ({_trial(settings)})"
        )
    if data.mode == "external":
        dump = ", and dumped" if data.dump else ""
        return f"external: both colors use {after}; it is checked{dump} before {target} starts"
    if data.mode == "shared":
        kept = f"the newest {data.keep} are kept" if data.keep else "all are kept"
        shot = f"; a snapshot is taken before {target} starts, while writes go on; {kept}"
        return f"shared: both colors use {after}{shot if live else ''}"
    if plan.act != "clone":
        return f"clone: {target} runs on {after}"
    if data.block_writes:
        meanwhile = (
            f"from then until {target} is confirmed ({_trial(settings)}) writes are answered 503 "
            "with Retry-After, and reads go on"
        )
    else:
        meanwhile = (
            f"what is written to {live} from then on is LOST, and so is what is written to "
            f"{target} if it is taken back (data.allow_loss)"
        )
    return f"clone: {target} starts on a copy of {before}; {meanwhile}; {before} stays"


def _place(settings: Settings, name: str, copy: str) -> str:
    if settings.database_url:
        return Database.from_url(settings.database_url).copy(copy).where
    return f"volume {copy_of(name, copy)}"


def _trial(settings: Settings) -> str:
    bake = f"{settings.bake.seconds:g} s of bake"
    return bake if settings.data.copy else f"its boot and {bake}"


def _moment(copy: str, edge: State | None, recorded: Mapping[str, str]) -> str:
    if recorded.get("before") == copy and edge:
        # Users left it when it was cloned, or else when what is live now came to be.
        return recorded.get("at") or edge.since
    return moment_of(copy) or "users left it"
