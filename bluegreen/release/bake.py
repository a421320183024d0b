"""The bake: users' requests, and the target's health, watched while a switch is on trial."""

import time
from typing import cast

from bluegreen.config.settings import Bake, Color, other
from bluegreen.edge.counts import Count
from bluegreen.edge.edges import Edges
from bluegreen.errors import BluegreenError, SwitchFailed
from bluegreen.platforms import named
from bluegreen.release.order import Order, tell

# The target is asked this often, and its requests counted; this many misses in a row end the bake.
PULSE = 1.0
MISSES = 3
MOST = 0.9  # of requests, whose time is compared
LONGEST = 5.0  # that an answer for / is waited for


def bake(order: Order, edges: Edges, switched: float, before: Count, outgoing: Count) -> Count:
    """Watch until the bake is over, counted from this time.monotonic().

    Args:
        order: what is switched.
        edges: all of them.
        switched: when users were led to the target.
        before: what the target had answered until then.
        outgoing: what the outgoing color had.

    Returns:
        What the target has answered since.

    Raises:
        SwitchFailed: the target fell ill, users' requests did, or they could not be watched.
    """
    limit, misses, seen, asked = order.bake, 0, Count(), switched
    with named(order.target.platform).watch(order.target, starting=False) as watch:
        while (left := switched + limit.seconds - time.monotonic()) > 0:
            if watch.died.wait(min(left, PULSE)):
                raise SwitchFailed(f"{order.color} failed during the bake: {watch.why()}")
            seen = _counted(order, edges) - before
            if reason := complaint(seen, outgoing, limit):
                raise SwitchFailed(reason)
            if time.monotonic() - asked >= limit.slow / 2:
                _require_answers(order, edges)
                asked = time.monotonic()
            tell(f"baking, {max(left - PULSE, 0):.0f} s left: {_share(seen, limit)}")
            answer = edges.ask(order.color, PULSE)
            misses = misses + 1 if answer.complaint else 0
            if misses >= MISSES:
                raise SwitchFailed(f"{order.color} failed during the bake: {answer.seen}")
    return seen


def _require_answers(order: Order, edges: Edges) -> None:
    """Of a target that somebody waits for: that is a download, or it hangs.

    Requests that hang are in no count before they end, and its health may be good. What the
    outgoing color does not answer in time either tells nothing.
    """
    color, seconds = order.color, min(order.bake.slow / 2, LONGEST)
    if not edges.in_flight(color) or edges.answers(color, seconds):
        return
    outgoing = other(cast("Color", color))
    if edges.answers(outgoing, seconds):
        raise SwitchFailed(
            f"{color} hangs: requests are open, and / is not answered within {seconds:g} s, though "
            f"{outgoing} does"
        )


def _counted(order: Order, edges: Edges) -> Count:
    try:
        return edges.counts(order.service, order.color)
    except BluegreenError as error:
        raise SwitchFailed(f"users' requests cannot be watched: {error}") from error


def complaint(seen: Count, outgoing: Count, limit: Bake) -> str:
    """What is wrong with what the target answered; "" for nothing.

    Args:
        seen: what it answered.
        outgoing: what the outgoing color answered before, to compare the speed.
        limit: what is allowed.
    """
    if seen.requests < limit.min_requests:
        return ""
    if seen.share > limit.max_error_share:
        return f"too many errors in real traffic: {_share(seen, limit)}"
    now, then = seen.quantile(MOST), outgoing.quantile(MOST)
    few = outgoing.requests < limit.min_requests
    if not limit.max_slowdown or few or now is None or then is None:
        return ""
    if now > limit.max_slowdown * then:
        return (
            f"{MOST:.0%} of requests took up to {now:.3g} s, and {then:.3g} s on the color before "
            f"(allowed: {limit.max_slowdown:g} times as long)"
        )
    return ""


def _share(count: Count, limit: Bake) -> str:
    gone = f", {count.abandoned} abandoned after {limit.slow:g} s" if count.abandoned else ""
    return (
        f"{count.errors} of {count.requests} requests answered 5xx{gone} ({count.share:.1%}, "
        f"allowed {limit.max_error_share:.1%})"
    )
