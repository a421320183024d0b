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
from dataclasses import asdict
from datetime import UTC, datetime

from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import TRIAL, Nginx
from bluegreen.edge.opened import open_edges
from bluegreen.edge.render import digest, stamp
from bluegreen.edge.state import State
from bluegreen.edge.traffic import Count, Traffic
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.platforms import named
from bluegreen.release.bake import bake
from bluegreen.release.drain import drain
from bluegreen.release.order import Order, Report, tell

# Long enough for a name that nginx asked for before the container was there: it asks a lost
# question again after 5 s (resend_timeout in ngx_resolver.c).
PROBE_SECONDS = 10.0
UNTOUCHED = "nothing was switched"


class Switch:
    """One switch, from the last look at the target to the end of the drain."""

    def __init__(self, order: Order, rendered: str, edges: Edges) -> None:
        """Prepare; nothing is touched yet."""
        self._order, self._rendered, self._edges = order, rendered, edges
        self._begun = time.monotonic()

    def run(self) -> Report:
        """Switch, or raise SwitchFailed with the color from before serving."""
        edges, order = self._edges, self._order
        edges.do(lambda nginx: nginx.require_version())
        edges.do(lambda nginx: nginx.claim())
        before = edges.state()
        if before and before.config == digest(self._rendered):
            try:
                self._prove(before.color, before.generation)
                self._probe()
            except BluegreenError as error:
                raise SwitchFailed(f"{error}; {UNTOUCHED}") from error
            return self._report(before.generation, before.since, switched=False, traffic=None)
        generation, since = edges.next_generation(), datetime.now(UTC).isoformat("T", "seconds")
        watched = [place for place in order.edges if place.container not in edges.missed]
        with Traffic(watched, generation, order.bake) as traffic:
            try:
                config = stamp(self._rendered, generation, since)
                edges.do(lambda nginx: nginx.write(config))
                if before:  # before the first switch nginx knows no color to ask
                    self._probe()
                    self._hold(before)
                edges.arm(order.bake.seconds + TRIAL)
            except BluegreenError as error:
                lost = isinstance(error, EdgeUnreachable)
                serves = UNTOUCHED if lost else _serving(before)
                raise SwitchFailed(f"{error}; {serves}") from error
            try:
                edges.reload()
                switched = time.monotonic()
                self._prove(order.color, generation)
                self._probe()
                if before:  # the first color has nothing to go back to
                    bake(order, edges, traffic, switched)
                edges.confirm()
            except BaseException as error:
                serves = edges.restore()
                raise SwitchFailed(f"{_reason(error)}; {serves}") from error
            try:
                return self._report(generation, since, switched=True, traffic=traffic, at=switched)
            except KeyboardInterrupt:  # a failure: what still serves must not be retired
                live = f"{order.color} {order.version} is confirmed and serves"
                raise SwitchFailed(f"the drain was interrupted; {live}") from None

    def _prove(self, color: str, generation: int) -> None:
        """Fresh connections reach this color and generation alone."""
        self._edges.do(lambda nginx: nginx.prove(color, generation))

    def _probe(self) -> None:
        """The target answers the way that users' requests will go."""
        self._edges.do(lambda nginx: nginx.probe(self._order.color, PROBE_SECONDS), known=True)

    def _hold(self, before: State) -> None:
        """Writes that would be lost wait until the switch is confirmed, or gone back from."""
        order = self._order
        if order.hold:
            self._edges.do(
                lambda nginx: nginx.hold(order.hold, before.color, order.color), known=True
            )

    def _report(
        self, generation: int, since: str, *, switched: bool, traffic: Traffic | None, at: float = 0
    ) -> Report:
        """Drain, then tell."""
        baked = time.monotonic()
        count = traffic.count if traffic else Count()
        cut = drain(self._edges, traffic, at or baked, self._order.drain_timeout)
        if self._order.hold:
            self._edges.try_to(lambda nginx: nginx.let_go())
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
            missed=self._edges.missed,
        )


def _serving(state: State | None) -> str:
    return f"{state.color} {state.version} keeps serving" if state else "no color is live"


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, BluegreenError) else "the switch was interrupted"


def main() -> int:
    """Run the switch that the environment and standard input order; return the exit code."""
    # A SIGTERM unwinds like Ctrl-C, so that the switch goes back before the process ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = Order.from_json(os.environ["BLUEGREEN_ORDER"])
    try:
        with open_edges(order.edges, order.edges_required) as opened:
            for edge, trouble in opened.missed.items():
                tell(f"continuing without {edge}; it catches up when it is back: {trouble}")
            named(order.target.platform).look_again(order.target, opened.shells, order.health)
            edges = Edges(
                {name: Nginx(shell, order.health) for name, shell in opened.shells.items()},
                opened.missed,
                required=order.edges_required,
                drain_timeout=order.drain_timeout,
            )
            report = Switch(order, sys.stdin.read(), edges).run()
    except (BluegreenError, KeyboardInterrupt) as error:
        reason = error if isinstance(error, BluegreenError) else f"{_reason(error)}; {UNTOUCHED}"
        print(
            f"switch to {order.color} {order.version} failed: {reason}. Next: fix the problem "
            f"above (`docker logs {order.edges[0].container}` shows nginx's side) and run "
            "`pulumi up` again, or set active_color back.",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(asdict(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
