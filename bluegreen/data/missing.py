"""Data that should be there and is not: refused before anything is started on nothing.

Docker makes a volume of any name that it is told and does not know. So a color whose volume was
removed, as prune jobs do it with volumes that no container uses, would come up healthy and empty.
"""

from collections.abc import Collection, Mapping, Sequence

from bluegreen.config.data import FIRST
from bluegreen.config.settings import COLORS, Settings
from bluegreen.data import modes, tools
from bluegreen.data.modes.mode import DataPlan, Needed
from bluegreen.data.modes.words import when_left
from bluegreen.data.names import data_of, snapshots_of
from bluegreen.data.snapshots import Store
from bluegreen.docker.facts import Container
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError

SHOWN = 5  # snapshots


def missing_data(
    settings: Settings,
    service: str,
    stack: str,
    plan: DataPlan,
    *,
    live: str,
    edge: State | None,
    recorded: Mapping[str, str],
    containers: Mapping[str, Container],
    known: Collection[str],
) -> list[str]:
    """Why an update would start a color on data that is gone: one reason, or none.

    It says what is missing, since when, and what can be restored instead.

    Args:
        settings: the stack's settings.
        service: prefix of everything the stack makes in Docker.
        stack: the stack's name.
        plan: what the update does with the data, whether or not anything is due.
        live: the live color; "" before the first release.
        edge: what nginx serves.
        recorded: the stack's output `data`: {mode, copy, before, at}.
        containers: what runs, by part; Docker removes no volume that a container is made with.
        known: volumes that are there; Docker is asked for others by their names.
    """
    mode = modes.of(settings)
    # Without a word of what was, a stack with a live color is taken to have had its data there.
    had = bool(live) and modes.named(recorded.get("mode", mode.name)).on_volumes
    used = {mode.volume(service, containers[c].copy) for c in COLORS if c in containers}
    target, declared = settings.active_color, settings.declared
    missing = [
        each
        for each in mode.required(service, plan, declared, target, had_volumes=had)
        if each.volume not in {*used, *known} and _is_gone(settings, each.volume)
    ]
    if not missing:
        return []
    gone = "; ".join(_tell(each, edge, recorded) for each in missing)
    store = Store(settings.docker, settings.data.tools_image, service)
    there = "".join(
        f"\n      {line}" for line in [*_snapshots(store, service, stack), *_copies(service, known)]
    )
    return [
        f"{gone}. Docker would create a new, empty one; it was removed, perhaps by a job that "
        f"prunes unused volumes. What you can use instead:{there}\n    Next: restore one of "
        f"these, or release on the data that users have now (`bluegreen deploy VERSION --stack "
        f"{stack}`)"
    ]


def _is_gone(settings: Settings, volume: str) -> bool:
    """Whether Docker says so; what cannot be asked is not gone."""
    try:
        return not tools.has_volume(settings.docker, volume)
    except BluegreenError:
        return False


def _tell(missing: Needed, edge: State | None, recorded: Mapping[str, str]) -> str:
    if recorded.get("copy") == missing.copy:
        when = "users' data was in it until now"
    else:
        moment = when_left(missing.copy, recorded, edge.since if edge else "")
        when = f"it had the data as of {moment}" if moment else "when users left it is unknown"
    return f"volume {missing.volume} does not exist, and {missing.use}; {when}"


def _snapshots(store: Store, service: str, stack: str) -> Sequence[str]:
    try:
        if not store.exists():
            return [f"no snapshot: volume {snapshots_of(service)} does not exist either"]
        found = [each for each in store.list() if not each.damaged]
    except BluegreenError as error:
        return [f"snapshots could not be listed ({error}); `bluegreen snapshot list` tries again"]
    if not found:
        return ["no snapshot"]
    lines = [
        f"snapshot {each.id}, {each.color} {each.version} at {each.at}: "
        f"`bluegreen snapshot restore {each.id} --stack {stack}`"
        for each in reversed(found[-SHOWN:])
    ]
    if older := len(found) - SHOWN:
        lines += [f"{older} older: `bluegreen snapshot list --stack {stack}`"] if older > 0 else []
    return lines


def _copies(service: str, known: Collection[str]) -> list[str]:
    data = data_of(service)
    names = {each: each.removeprefix(f"{data}-") for each in known if each.startswith(f"{data}-")}
    names |= {data: FIRST} if data in known else {}
    return [f"volume {each}: `copy: {name}` in `data`" for each, name in sorted(names.items())]
