"""The bake: users' requests, and the target's health, watched while a switch is on trial."""

import time

from bluegreen.config.settings import Bake
from bluegreen.edge.counts import Count
from bluegreen.edge.edges import Edges
from bluegreen.errors import BluegreenError, SwitchFailed
from bluegreen.platforms import named
from bluegreen.release.order import Order, tell

# The target is asked this often, and its requests counted; this many misses in a row end the bake.
PULSE = 1.0
MISSES = 3
MOST = 0.9  # of requests, whose time is compared
LONGEST = 5.0  # that an answer is waited for, where none is seen


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
    limit, misses, seen, silent = order.bake, 0, Count(), switched
    with named(order.target.platform).watch(order.target, starting=False) as watch:
        while (left := switched + limit.seconds - time.monotonic()) > 0:
            if watch.died.wait(min(left, PULSE)):
                raise SwitchFailed(f"{order.color} failed during the bake: {watch.why()}")
            last, seen = seen, _counted(order, edges) - before
            if reason := complaint(seen, outgoing, limit):
                raise SwitchFailed(reason)
            if seen.answered > last.answered:
                silent = time.monotonic()
            elif time.monotonic() - silent >= limit.slow / 2:
                _require_answers(order, edges)
                silent = time.monotonic()
            tell(f"baking, {max(left - PULSE, 0):.0f} s left: {_share(seen, limit)}")
            answer = edges.ask(order.color, PULSE)
            misses = misses + 1 if answer.complaint else 0
            if misses >= MISSES:
                raise SwitchFailed(f"{order.color} failed during the bake: {answer.seen}")
    return seen


def _require_answers(order: Order, edges: Edges) -> None:
    """Of a target that answers nobody while some wait: it may do so, or hang.

    One that lets all wait answers no request that could be counted, and its health may be good.
    """
    half = order.bake.slow / 2
    seconds = min(half, LONGEST)
    if edges.in_flight(order.color) and not edges.answers(order.color, seconds):
        raise SwitchFailed(
            f"{order.color} hangs: users have waited {half:g} s without one answer, and / is not "
            f"answered within {seconds:g} s"
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
