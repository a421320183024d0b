"""The guard: refuses, in the preview already, what would interrupt users without a switch.

Each function looks at one kind of trouble and returns the reasons, a sentence each with the way
on; the guard tells all of them at once.
"""

from collections.abc import Mapping

from bluegreen.config.settings import EDGE, Settings, other
from bluegreen.docker.facts import kernel_of
from bluegreen.edge.files import HANDS_OVER
from bluegreen.errors import GuardRefused
from bluegreen.plan.fingerprint import SWITCH, Fingerprint, tell, without_gap
from bluegreen.plan.ownership import StackState, foreign_reason, leftover_reason
from bluegreen.plan.situation import Situation
from bluegreen.platforms import of

OVERRIDE = "To do it anyway: pulumi config set allow_in_place true"


def require_answers(settings: Settings, situation: Situation) -> None:
    """Refuse an update without a manager, or while too little answers to know what would happen.

    Raises:
        GuardRefused: with what was seen.
    """
    if situation.no_manager:
        platform, where = of(settings), settings.docker.host or "the local Docker"
        raise GuardRefused(
            [
                f"platform is {platform.name}, but {where} cannot be used for it: "
                f"{situation.no_manager}. Next: {platform.way_out}"
            ],
            serves=situation.serves,
        )
    edges, troubles = len(settings.edges), situation.troubles
    if edges > 1 and edges - len(troubles) < settings.edges_required:
        answer = edges - len(troubles)
        listed = "".join(f"\n      {name}: {why}" for name, why in troubles.items())
        raise GuardRefused(
            [
                f"{answer} of {edges} edges answer, edges_required is {settings.edges_required}:"
                f"{listed}\n    Next: bring them back, or set edges_required to {max(answer, 1)}: "
                "an edge that returns catches up by itself"
            ],
            serves=situation.serves,
        )
    unknown = dict(situation.unknown)
    if edges > 1:  # what an edge's own Docker has is not needed to go on without it
        own = settings.docker.context or settings.docker.host or "the local Docker"
        unknown = {where: why for where, why in unknown.items() if where == own}
    else:
        unknown |= troubles if not unknown else {}
    if unknown:
        seen = "; ".join(f"{where}: {why}" for where, why in unknown.items())
        raise GuardRefused(
            [
                f"Docker could not be asked what runs ({seen}). Next: make sure that it answers, "
                "then try again"
            ],
            serves=situation.serves,
        )


def renamed(stack: str, name: str, state: StackState | None) -> list[str]:
    """Whether the state has its things under another prefix: all of them would be made anew."""
    if not state or not state.prefix or state.prefix == name:
        return []
    return [
        f"this stack's containers and data in Docker are called {state.prefix}-…, and would be "
        f"replaced by new, empty ones called {name}-…: the stack or the project was renamed, or "
        f"the key `name` was changed. Next: `pulumi config set name {state.prefix} --stack "
        f"{stack}` keeps them"
    ]


def in_the_way(
    settings: Settings, stack: str, situation: Situation, state: StackState | None
) -> list[str]:
    """What has the name of something to be made, and that the stack's state does not know."""
    parts = {*(edge.part for edge in settings.own_edges), *settings.declared}
    names = {situation.name, *(f"{situation.name}-{part}" for part in parts)}
    # A volume is taken as it is.
    things = [t for t in situation.things if t.name in names and t.kind != "volume"]
    if not state or not things:
        return []
    found = []
    if foreign := state.foreign(things):
        found.append(foreign_reason(foreign, stack))
    left = state.leftovers(things)
    serving = [t for t in left if t.name == f"{situation.name}-{situation.live}"]
    if serving and settings.active_color == situation.live and situation.edge:
        drift = situation.drift(settings)
        found.append(
            f"container {serving[0].name} serves, and this stack's state does not know it"
            + (f" ({drift})" if drift else "")
            + f". Next: release on {other(settings.active_color)} (set active_color)"
        )
    elif left:
        found.append(leftover_reason(left, stack))
    return found


def color_interruptions(
    settings: Settings,
    situation: Situation,
    planned: Mapping[str, Fingerprint],
    unchanged: frozenset[str],
) -> list[str]:
    """Whether what the live color runs would be replaced in place.

    Args:
        settings: the stack's settings.
        situation: what runs.
        planned: what each part would be made of.
        unchanged: the parts that are made of just that already.
    """
    live, running = situation.live, situation.previous.running or {}
    found: list[str] = []
    if live == settings.active_color and live not in unchanged:
        before, after = running.get(live), planned[live]
        dead = situation.edge is not None and situation.edge.color != situation.previous.live
        if (dead or not before) and live in situation.containers:
            found.append(
                f"{live} is live, and was created from another config: users would be "
                "interrupted. Next: revert the config to what that release had, or release the "
                "new one on the other color"
            )
        elif before:
            found.append(
                f"{live} is live and would be replaced, because {tell(before, after)}: users "
                "would be interrupted. Next: release it on the idle color instead "
                f"(`bluegreen deploy`, or set active_color, not {live}_version)"
            )
    return found


def edge_interruptions(
    settings: Settings,
    situation: Situation,
    planned: Mapping[str, Fingerprint],
    unchanged: frozenset[str],
) -> list[str]:
    """Whether an edge would be replaced with a gap, or removed; arguments as above."""
    running = situation.previous.running or {}
    found: list[str] = []
    if settings.shared and EDGE in running and situation.previous.live:
        found.append(
            f"the stack's own edge would be removed, as {settings.edge} is its edge from now on: "
            "whoever still asks the old one is not served. Next: let users ask the shared edge "
            "first"
        )
    for edge in settings.own_edges:
        before, after = running.get(edge.part), planned[edge.part]
        if not before or edge.part in unchanged:
            continue
        who = "the edge" if edge.part == EDGE else edge.part
        if not before.keys() & SWITCH.keys():
            found.append(
                f"{who} is from before switches were made by a file, and is replaced once: "
                "users are not served for some seconds. Next: choose a moment for it; "
                "docs/operations.md, Upgrading, says how"
            )
        elif not without_gap(before, after):
            found.append(
                f"{who} would be replaced, because {tell(before, after)}: users are not served "
                "in the meantime. Next: plan a maintenance window, and set allow_in_place for it"
            )
        elif (kernel := kernel_of(edge.docker)) < HANDS_OVER:
            runs = f"Linux {kernel[0]}.{kernel[1]}" if kernel > (0, 0) else "an unknown kernel"
            found.append(
                f"nginx would be replaced in {edge.part} on {runs}: before 5.14, connections "
                "that are being opened in that moment are reset (143 of 195,244 requests when "
                "measured). Next: choose a moment for it, or update the kernel"
            )
    return found


def standby_changes(settings: Settings, situation: Situation) -> list[str]:
    """Whether the color on standby would become another version: ungated, on the live data."""
    idle, edge = other(settings.active_color), situation.edge
    runs = edge.version if edge and edge.color == idle else situation.previous.versions.get(idle)
    wanted = settings.versions[idle]
    if idle not in settings.declared or not runs or runs == wanted:
        return []
    return [
        f"{idle} is on standby and runs {runs}, but {idle}_version is now {wanted}: that version "
        "would start next to the live color, on its data, without a snapshot and without a "
        f"gate. Next: set {idle}_version back to {runs}, or release it (`bluegreen deploy "
        f"{wanted}`, or set active_color to {idle})"
    ]
