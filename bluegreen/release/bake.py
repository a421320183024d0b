"""The bake: users' requests, and the target's health, watched while a switch is on trial."""

import time

from bluegreen.config.settings import Bake
from bluegreen.edge.edges import Edges
from bluegreen.edge.traffic import Count, Traffic
from bluegreen.errors import SwitchFailed
from bluegreen.platforms import named
from bluegreen.release.order import Order, tell

# The target is asked this often; this many misses in a row end the bake.
PULSE = 1.0
MISSES = 3


def bake(order: Order, edges: Edges, traffic: Traffic, switched: float) -> None:
    """Watch until the bake is over, counted from this time.monotonic().

    Raises:
        SwitchFailed: the target fell ill, or users' requests did.
    """
    limit, misses = order.bake, 0
    with named(order.target.platform).watch(order.target, starting=False) as watch:
        while (left := switched + limit.seconds - time.monotonic()) > 0:
            if traffic.suffers.wait(min(left, PULSE)):
                raise SwitchFailed(
                    f"too many errors in real traffic: {_share(traffic.count, limit)}"
                )
            if watch.died.is_set():
                raise SwitchFailed(f"{order.color} failed during the bake: {watch.why()}")
            tell(f"baking, {max(left - PULSE, 0):.0f} s left: {_share(traffic.count, limit)}")
            answer = edges.ask(order.color, PULSE)
            misses = misses + 1 if answer.complaint else 0
            if misses >= MISSES:
                raise SwitchFailed(f"{order.color} failed during the bake: {answer.seen}")


def _share(count: Count, limit: Bake) -> str:
    return (
        f"{count.errors} of {count.requests} requests answered 5xx ({count.share:.1%}, "
        f"allowed {limit.max_error_share:.1%})"
    )
