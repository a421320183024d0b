"""The drain: what the outgoing color still serves gets its time to end."""

import time

from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import POLL
from bluegreen.edge.state import HEAD_START
from bluegreen.edge.traffic import Traffic
from bluegreen.release.order import tell

# How long after the drain's end nginx gets to close what is left, and the log to say so.
GRACE = 2.0


def drain(edges: Edges, traffic: Traffic | None, switched: float, seconds: float) -> int:
    """Wait for nginx's old workers, for so long after the switch at the most.

    Args:
        edges: all of them.
        traffic: users' requests; None when nothing was switched.
        switched: when, by time.monotonic().
        seconds: the drain's time.

    Returns:
        How many requests were cut.
    """
    deadline, said = switched + seconds, 0
    last = max(deadline + HEAD_START, edges.followed_until) + GRACE
    while (left := edges.leaving()) and time.monotonic() < last:
        if left != said:
            said = left
            tell(f"draining: {left} old workers still serve")
        time.sleep(POLL)
    if not traffic or time.monotonic() < deadline:
        return 0
    traffic.ended.wait(GRACE / 4)  # the last lines of the log are still on their way
    return traffic.cut_since(deadline - POLL)
