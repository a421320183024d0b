"""Which copy of the data each color runs on after an update, and what is done with it before."""

from collections.abc import Mapping

from bluegreen.config.settings import Settings, other
from bluegreen.data import modes
from bluegreen.data.modes.mode import DataPlan, Present, Release
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State

__all__ = ["DataPlan", "describe_data", "plan_data"]


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
    now = containers[live].copy if live in containers else recorded
    standby = containers.get(other(settings.active_color))
    beside = standby.copy if standby else now
    return modes.of(settings).plan(Present(live, settings.active_color, now, beside, new))


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
    mode = modes.of(settings)
    release = Release(
        service=name,
        target=settings.active_color,
        live=edge.color if edge else "",
        plan=plan,
        recorded=recorded,
        since=edge.since if edge else "",
        bake=settings.bake.seconds,
    )
    return f"{mode.name}: {mode.describe(release)}"
