"""An update, planned: observe, plan, refuse, describe. Nothing is touched by it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bluegreen.config.images import image_of
from bluegreen.config.settings import COLORS, Settings, other
from bluegreen.data.missing import missing_data
from bluegreen.data.plan import plan_data
from bluegreen.data.snapshots import copy_name
from bluegreen.edge.render import render
from bluegreen.edge.state import holder_of
from bluegreen.errors import GuardRefused
from bluegreen.plan import guard, shared, words
from bluegreen.plan.fingerprint import (
    Fingerprint,
    digest_of,
    fingerprint_color,
    fingerprint_edge,
    without_gap,
)
from bluegreen.plan.ownership import StackState, keyed, read_state
from bluegreen.plan.pins import Image, choose_image
from bluegreen.plan.planned import Plan
from bluegreen.plan.proxies import trusts_everyone
from bluegreen.plan.situation import Situation
from bluegreen.platforms import of

# Where the command line wants the plan as JSON, it names a file in this variable.
PLAN_FILE = "BLUEGREEN_PLAN_FILE"
# Set while a lost state is rebuilt: the state knows nothing, and nothing is touched.
REBUILD = "BLUEGREEN_REBUILD_STATE"


def plan_update(
    settings: Settings, situation: Situation, stack: str, root: Path, *, rebuilds: bool = False
) -> Plan:
    """Plan an update, or refuse it with every reason.

    Args:
        settings: the stack's settings.
        situation: what runs.
        stack: the stack's name.
        root: the project's folder.
        rebuilds: whether a lost state is rebuilt: what runs is taken as it is, and whoever
            rebuilds looks at how it differs.

    Raises:
        GuardRefused: it would interrupt users, lose data, or touch what is not this stack's.
        ConfigError: a template or a copy of data that the config names cannot be used.
    """
    name, target = situation.name, settings.active_color
    # Rendered here too, so that a template's mistake is told before anything is declared.
    render(settings, target, name, root, of(settings).upstream)
    guard.require_answers(settings, situation)
    wanted, settings = settings, _as_it_can_be(settings, situation)
    recorded = situation.previous.data.get("copy", "")
    data = plan_data(settings, situation.live, situation.containers, recorded, copy_name())
    made_of: dict[str, Fingerprint] = {
        color: fingerprint_color(settings, color, name, root, data.copies[color])
        for color in settings.declared
    }
    made_of |= {edge.part: fingerprint_edge(settings, edge) for edge in settings.own_edges}
    state = None if rebuilds else state_if_needed(settings, situation, stack)
    if rebuilds:
        unchanged = frozenset(made_of.keys() & situation.containers.keys())
    else:
        unchanged = _unchanged(settings, situation, made_of, state)
    # What is called otherwise, or is not this stack's, explains whatever else would be seen.
    reasons = guard.renamed(stack, name, state) or guard.in_the_way(
        settings, stack, situation, state
    )
    if not reasons and settings.shared:
        reasons = shared.refused(settings, name)
    reasons += trusts_everyone(settings, name) if settings.trusted_proxies else []
    if reasons:
        raise GuardRefused(reasons, serves=situation.serves)
    reasons = [
        *missing_data(
            settings,
            name,
            stack,
            data,
            live=situation.live,
            edge=situation.edge,
            recorded=situation.previous.data,
            containers=situation.containers,
            known=situation.volumes,
        ),
    ]
    override = ""
    if not settings.allow_in_place and not rebuilds:
        in_place = [
            *guard.color_interruptions(settings, situation, made_of, unchanged),
            *guard.edge_interruptions(settings, situation, made_of, unchanged),
            *guard.standby_changes(settings, situation),
        ]
        reasons, override = reasons + in_place, guard.OVERRIDE if in_place else ""
    if reasons:
        raise GuardRefused(reasons, serves=situation.serves, override=override)
    data = data.due(situation.live != target or target not in unchanged)
    image = Image()
    if target not in unchanged and not settings.build:
        image = choose_image(
            settings.docker,
            situation.previous.pins,
            target,
            image_of(name, settings, target, root),
            situation.live,
        )
    kept = {
        part: (situation.previous.running or {}).get(part, made_of[part])
        for part in unchanged & made_of.keys()
    }
    plan = Plan(
        settings=settings,
        situation=situation,
        made_of=made_of | kept,
        unchanged=unchanged,
        image=image,
        data=data,
        drift=situation.drift(settings),
        words="",
        pins={
            color: pin
            for color, pin in situation.previous.pins.items()
            if color not in settings.declared
        },
        adopted=_adopted(situation, rebuilds=rebuilds),
        gone_standby=_gone_standby(wanted, settings, situation),
    )
    return replace(plan, words=words.describe(plan))


def _as_it_can_be(settings: Settings, situation: Situation) -> Settings:
    """Without a standby where none is there to be kept: it would start beside the live color."""
    idle = other(settings.active_color)
    if situation.live == idle or idle in situation.containers:
        return settings
    return replace(settings, standby="remove")


def _gone_standby(wanted: Settings, possible: Settings, situation: Situation) -> str:
    """The color that was on standby and is not there to be kept; "" before a release left one."""
    idle = other(wanted.active_color)
    missed = idle in wanted.declared and idle not in possible.declared
    return idle if missed and idle in situation.previous.versions else ""


def _unchanged(
    settings: Settings,
    situation: Situation,
    made_of: Mapping[str, Fingerprint],
    state: StackState | None,
) -> frozenset[str]:
    """The parts that are what they shall be, and the idle color: it stays as it was released."""
    running = situation.previous.running or {}
    key = state.key if state and state.key else situation.previous.key
    found = {*unchanged_edges(settings, situation, made_of)}
    for color in settings.declared:
        container, digest = situation.containers.get(color), digest_of(made_of[color])
        adopted = situation.previous.adopted.get(color)
        if container and container.fingerprint and container.fingerprint != adopted:
            # Its label is the truth; the outputs may be of before an update that died.
            same = container.fingerprint in (digest, keyed(key, digest))
        else:
            same = running.get(color) == made_of[color]
        stays = color != settings.active_color and of(settings).idle_stays
        if same or (stays and (container or color in running)):
            found.add(color)
    return frozenset(found if not settings.allow_in_place else found - _differing(running, made_of))


def unchanged_edges(
    settings: Settings, situation: Situation, made_of: Mapping[str, Fingerprint]
) -> frozenset[str]:
    """Of the stack's own edges, those that stay as they are, and the holders that do."""
    running = situation.previous.running or {}
    edges = [edge.part for edge in settings.own_edges if edge.part in running]
    same = {part for part in edges if running[part] == made_of[part]}
    held = {holder_of(part) for part in edges if without_gap(running[part], made_of[part])}
    return frozenset(same | held)


def _adopted(situation: Situation, *, rebuilds: bool) -> dict[str, str]:
    """The labels that no key fits, for as long as the containers that carry them are there."""
    labels = {part: each.fingerprint for part, each in situation.containers.items()}
    if rebuilds:
        return {part: label for part, label in labels.items() if label}
    adopted = situation.previous.adopted
    return {part: label for part, label in adopted.items() if labels.get(part) == label}


def _differing(running: Mapping[str, Fingerprint], made_of: Mapping[str, Fingerprint]) -> set[str]:
    return {part for part in made_of if part in running and running[part] != made_of[part]}


def state_if_needed(settings: Settings, situation: Situation, stack: str) -> StackState | None:
    """Read the state only where the outputs do not explain what Docker has: it takes a moment."""
    previous, containers = situation.previous, situation.containers
    parts = {*(edge.part for edge in settings.own_edges), *COLORS}
    running = previous.running
    if running is None:
        return read_state(stack) if situation.things or situation.states else None
    strange = (containers.keys() & parts) - running.keys()
    moved = previous.name != situation.name if previous.name else not containers
    return read_state(stack) if strange or moved or not previous.key else None
