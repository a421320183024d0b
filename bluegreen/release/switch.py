"""The switch: moves users from one color to the other, or leaves them where they are.

Run as a program (`python -m bluegreen.release.switch`): the rendered config on standard input, the
order as JSON in BLUEGREEN_ORDER, the report as JSON on standard output. `Switch.run` is the
whole of it, in order.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from bluegreen.config.settings import Bake
from bluegreen.docker.shell import Shell
from bluegreen.docker.watch import Watch
from bluegreen.edge.edges import Edges, Opened, open_edges
from bluegreen.edge.nginx import POLL, TRIAL, Nginx
from bluegreen.edge.render import digest, stamp
from bluegreen.edge.state import HEAD_START, State
from bluegreen.edge.traffic import Count, Traffic
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Refused, wait_until_healthy
from bluegreen.platforms.swarm.replicas import Replicas
from bluegreen.release.order import Order, Report

# Long enough for a name that nginx asked for before the container was there: it asks a lost
# question again after 5 s (resend_timeout in ngx_resolver.c).
PROBE_SECONDS = 10.0
# The target is asked this often while its traffic is watched; this many misses end the bake.
PULSE = 1.0
MISSES = 3
# How long after the drain's end nginx gets to close what is left, and the log to say so.
GRACE = 2.0
UNTOUCHED = "nothing was switched"


class Switch:
    """One switch, from the last look at the target to the end of the drain."""

    def __init__(self, order: Order, rendered: str, nginx: Nginx | Edges) -> None:
        """Prepare; nothing is touched yet."""
        self._order, self._rendered, self._nginx = order, rendered, nginx
        self._begun = time.monotonic()

    def run(self) -> Report:
        """Switch, or raise SwitchFailed with the color from before serving."""
        nginx, order = self._nginx, self._order
        nginx.require_version()
        nginx.claim()
        before = nginx.state()
        if before and before.config == digest(self._rendered):
            try:
                nginx.prove(before.color, before.generation)
                nginx.probe(order.color, PROBE_SECONDS)
            except BluegreenError as error:
                raise SwitchFailed(f"{error}; {UNTOUCHED}") from error
            return self._report(before.generation, before.since, switched=False, traffic=None)
        generation, since = nginx.next_generation(), datetime.now(UTC).isoformat("T", "seconds")
        watched = [place for place in order.places if place.container not in nginx.missed]
        with Traffic(watched, generation, order.bake) as traffic:
            try:
                nginx.write(stamp(self._rendered, generation, since))
                if before:  # before the first switch nginx knows no color to ask
                    nginx.probe(order.color, PROBE_SECONDS)
                    if order.hold:
                        nginx.hold(order.hold, before.color, order.color)
                nginx.arm(order.bake.seconds + TRIAL)
            except BluegreenError as error:
                lost = isinstance(error, EdgeUnreachable)
                serves = UNTOUCHED if lost else _serving(before)
                raise SwitchFailed(f"{error}; {serves}") from error
            try:
                nginx.reload()
                switched = time.monotonic()
                nginx.prove(order.color, generation)
                nginx.probe(order.color, PROBE_SECONDS)
                if before:  # the first color has nothing to go back to
                    self._bake(traffic, switched)
                nginx.confirm()
            except BaseException as error:
                serves = nginx.restore()
                raise SwitchFailed(f"{_reason(error)}; {serves}") from error
            try:
                return self._report(generation, since, switched=True, traffic=traffic, at=switched)
            except KeyboardInterrupt:
                live = f"{order.color} {order.version} is confirmed and serves"
                raise SwitchFailed(f"the drain was interrupted; {live}") from None

    def _bake(self, traffic: Traffic, switched: float) -> None:
        """Watch users' requests, and the target's health, until the bake is over."""
        order, bake, misses = self._order, self._order.bake, 0
        with _watch(order) as watch:
            while (left := switched + bake.seconds - time.monotonic()) > 0:
                if traffic.suffers.wait(min(left, PULSE)):
                    raise SwitchFailed(f"real traffic suffers: {_share(traffic.count, bake)}")
                if watch.died.is_set():
                    raise SwitchFailed(f"{order.color} fell ill while baking: {watch.why()}")
                _tell(f"baking, {max(left - PULSE, 0):.0f} s left: {_share(traffic.count, bake)}")
                answer = self._nginx.ask(order.color, PULSE)
                misses = misses + 1 if answer.complaint else 0
                if misses >= MISSES:
                    raise SwitchFailed(f"{order.color} fell ill while baking: {answer.seen}")

    def _report(
        self, generation: int, since: str, *, switched: bool, traffic: Traffic | None, at: float = 0
    ) -> Report:
        """Drain, then tell."""
        baked = time.monotonic()
        count = traffic.count if traffic else Count()
        cut = self._drain(traffic, at or baked)
        if self._order.hold:
            self._nginx.let_go()
        return Report(
            color=self._order.color,
            version=self._order.version,
            generation=generation,
            since=since,
            switched=switched,
            switch_seconds=round(at - self._begun, 3) if at else 0,
            requests=count.requests,
            errors=count.errors,
            bake_seconds=round(baked - at, 1) if at else 0,
            drain_seconds=round(time.monotonic() - (at or baked), 1),
            cut=cut,
            missed=self._nginx.missed,
        )

    def _drain(self, traffic: Traffic | None, switched: float) -> int:
        """Wait for the old workers, bounded by the drain's time; return what was cut."""
        deadline = switched + self._order.drain_timeout
        try:
            told = 0
            last = max(deadline + HEAD_START, self._nginx.followed_until) + GRACE
            while (left := self._nginx.leaving()) and time.monotonic() < last:
                if left != told:
                    told = left
                    _tell(f"draining: {left} old workers still serve")
                time.sleep(POLL)
        except EdgeUnreachable:
            return 0  # confirmed already: an edge that went away now has nothing left to drain
        if not traffic or time.monotonic() < deadline:
            return 0
        traffic.ended.wait(GRACE / 4)  # the last lines of the log are still on their way
        return traffic.cut_since(deadline - POLL)


def nginx_in(opened: Opened, order: Order) -> "Nginx | Edges":
    """What an order's switch acts on: the one nginx, or all of them."""
    if len(order.places) == 1:
        return Nginx(opened.shells[order.places[0].container], order.health)
    return Edges(opened, order.health, order.drain_timeout, order.edges_required)


def require_all(order: Order, shells: Mapping[str, Shell]) -> None:
    """Look at every replica once more: a gate that has passed is not run again for a switch.

    Raises:
        SwitchFailed: one is not well, and did not become so within the gate's time.
    """
    health = replace(order.health, passes=1)
    with Replicas(order.container, order.replicas, order.docker) as replicas:
        result = wait_until_healthy(
            lambda seconds: replicas.ask(shells, order.url, health, seconds),
            health,
            died=replicas.died,
            why=replicas.why,
        )
    if isinstance(result, Refused):
        raise SwitchFailed(f"{result.reason}, last seen: {result.last}; nothing was switched")


def _watch(order: Order) -> Watch | Replicas:
    if order.replicas:
        return Replicas(order.container, order.replicas, order.docker)
    return Watch(order.container, order.docker, fresh=False)


def _serving(state: State | None) -> str:
    return f"{state.color} {state.version} still serves" if state else "no color is live"


def _tell(text: str) -> None:
    # Pulumi shows what a command writes to standard error while it runs.
    print(text, file=sys.stderr, flush=True)


def _share(count: Count, bake: Bake) -> str:
    return (
        f"{count.errors} of {count.requests} requests answered 5xx ({count.share:.1%}, "
        f"allowed {bake.max_error_share:.1%})"
    )


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, BluegreenError) else "the switch was interrupted"


def main() -> int:
    """Run the switch that the environment and standard input order; return the exit code."""
    # A SIGTERM unwinds like Ctrl-C, so that the switch goes back before the process ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = Order.from_json(os.environ["BLUEGREEN_ORDER"])
    try:
        with open_edges(order.places, order.edges_required or 1) as opened:
            for edge, trouble in opened.missed.items():
                _tell(f"goes on without {edge}, which follows when it is back: {trouble}")
            if order.replicas:
                require_all(order, opened.shells)
            report = Switch(order, sys.stdin.read(), nginx_in(opened, order)).run()
    except (BluegreenError, KeyboardInterrupt) as error:
        reason = error if isinstance(error, BluegreenError) else f"{_reason(error)}; {UNTOUCHED}"
        print(
            f"switch to {order.color} {order.version} failed: {reason}. Next: mend what is named "
            f"here (`docker logs {order.edge}` has nginx's side) and run `pulumi up` again, or "
            "set active_color back.",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(asdict(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
