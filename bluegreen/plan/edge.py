"""An update of an edge that services share: observe, plan, refuse, describe."""

from collections.abc import Mapping
from dataclasses import dataclass

from bluegreen.config.settings import Settings
from bluegreen.errors import GuardRefused
from bluegreen.plan import guard, words
from bluegreen.plan.fingerprint import Fingerprint, fingerprint_edge
from bluegreen.plan.proxies import trusts_everyone
from bluegreen.plan.situation import Situation
from bluegreen.plan.update import state_if_needed, unchanged_edges

SERVES = "the services of this edge keep serving"


@dataclass(frozen=True)
class EdgePlan:
    """An update of a shared edge that the guard lets pass; attributes as `Plan`'s."""

    settings: Settings
    situation: Situation
    made_of: Mapping[str, Fingerprint]
    unchanged: frozenset[str]
    words: str


def plan_edge(
    settings: Settings, situation: Situation, stack: str, *, rebuilds: bool = False
) -> EdgePlan:
    """Plan an update of the edge, or refuse it with every reason; arguments as `plan_update`'s.

    Raises:
        GuardRefused: it would interrupt users, or touch what is not this stack's.
    """
    guard.require_answers(settings, situation)
    live = situation.previous.live
    if live:
        raise GuardRefused(
            [
                f"this stack is a service, and {live} is live: as an edge it would be removed. "
                "Next: give the edge a stack of its own"
            ],
            serves=situation.serves,
        )
    made_of = {edge.part: fingerprint_edge(settings, edge) for edge in settings.edges}
    state = None if rebuilds else state_if_needed(settings, situation, stack)
    unchanged = unchanged_edges(settings, situation, made_of)
    if rebuilds:
        unchanged = frozenset(made_of.keys() & situation.containers.keys())
    reasons = guard.renamed(stack, situation.name, state) or guard.in_the_way(
        settings, stack, situation, state
    )
    reasons += trusts_everyone(settings, situation.name) if settings.trusted_proxies else []
    override = ""
    if not reasons and not settings.allow_in_place and not rebuilds:
        reasons = guard.edge_interruptions(settings, situation, made_of, unchanged)
        override = guard.OVERRIDE
    if reasons:
        raise GuardRefused(reasons, serves=SERVES, override=override)
    running = situation.previous.running or {}
    replaced = words.replacements(settings, running, made_of, unchanged)
    said = "\n  ".join(["no service is released", *replaced]) if replaced else ""
    return EdgePlan(settings, situation, made_of, unchanged, said)
