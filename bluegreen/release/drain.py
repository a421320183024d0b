"""The drain: what a color that is not live any more still serves gets its time to end."""

import time

from bluegreen.edge.edges import Edges
from bluegreen.errors import BluegreenError
from bluegreen.release.cut import cut_off
from bluegreen.release.order import Order, tell

POLL = 0.1
# How long after the drain's end nginx gets to tell in its log what was cut.
GRACE = 2.0
LOGGED = 0.3  # longer than nginx keeps a line to itself


def drain(edges: Edges, order: Order, color: str, begun: float) -> int:
    """Wait until nothing is in flight on this color; cut what is after the drain's time.

    Args:
        edges: all of them.
        order: says how long, and how to cut.
        color: the color.
        begun: when it got its last request, by time.monotonic().

    Returns:
        How many requests were cut.
    """
    deadline = max(begun + order.drain_timeout, edges.followed_until)
    said = False
    while edges.in_flight(color):
        if time.monotonic() >= deadline:
            return _cut(edges, order, color)
        if not said:
            tell(f"draining: {color} still serves requests, for up to {order.drain_timeout} s")
            said = True
        time.sleep(POLL)
    return 0


def _cut(edges: Edges, order: Order, color: str) -> int:
    try:
        before = edges.counts(order.service, color)
        cut_off(order, color, edges.missed)
        ended = time.monotonic() + GRACE
        while edges.in_flight(color) and time.monotonic() < ended:
            time.sleep(POLL)
        time.sleep(LOGGED)
        cut = (edges.counts(order.service, color) - before).requests
    except BluegreenError as error:
        tell(f"what {color} still serves could not be closed; it ends with its container: {error}")
        return 0
    if cut:
        tell(f"drain: {cut} requests were still open on {color}, and were closed")
    return cut
