"""The switch: moves users from one color to the other, or leaves them where they are.

Run as a program (`python -m bluegreen.release.switch`): the rendered config on standard input, the
order as JSON in BLUEGREEN_ORDER, the report as JSON on standard output. `Switch.run` is the
whole of it, in order.
"""

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import cast

from bluegreen.config.settings import Color, other
from bluegreen.edge.counts import Count
from bluegreen.edge.edges import Edges
from bluegreen.edge.nginx import TRIAL, Nginx
from bluegreen.edge.opened import open_edges
from bluegreen.edge.render import digest
from bluegreen.edge.state import State
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.platforms import named
from bluegreen.release.bake import bake
from bluegreen.release.drain import drain
from bluegreen.release.order import Order, Report, tell

# Long enough for a name that nginx asked for before the container was there: it asks a lost
# question again after 5 s (resend_timeout in ngx_resolver.c).
PROBE_SECONDS = 10.0
USERS_SECONDS = 3.0
UNTOUCHED = "nothing was switched"


class Switch:
    """One switch, from the last look at the target to the end of the drain."""

    def __init__(self, order: Order, rendered: str, edges: Edges) -> None:
        """Prepare; nothing is touched yet."""
        self._order, self._rendered, self._edges = order, rendered, edges
        self._begun = time.monotonic()
        self._flipped = 0.0  # when, by the same clock

    def run(self) -> Report:
        """Switch, or raise SwitchFailed with the color from before serving."""
        edges, order = self._edges, self._order
        edges.do(lambda nginx: nginx.require_version())
        edges.do(lambda nginx: nginx.claim())
        before = edges.state()
        if before and before.config == digest(self._rendered):
            return self._stay(before)
        generation, since = edges.next_generation(), datetime.now(UTC).isoformat("T", "seconds")
        try:
            edges.do(lambda nginx: nginx.write(self._rendered, generation, since))
            self._hold(before)
            edges.arm(order.bake.seconds + TRIAL)
        except BluegreenError as error:
            serves = UNTOUCHED if isinstance(error, EdgeUnreachable) else _serving(before)
            raise SwitchFailed(f"{error}; {serves}") from error
        try:
            edges.do(lambda nginx: nginx.load())  # nobody notices
            self._probe()
            earlier, outgoing = self._counted(before)
            self._flipped = time.monotonic()
            edges.do(lambda nginx: nginx.flip(order.color))
            self._prove(order.color, generation)
            self._look_as_users()
            count = Count()
            if before:  # the first color has nothing to go back to
                count = bake(order, edges, self._flipped, earlier, outgoing)
            edges.confirm()
        except BaseException as error:
            raise SwitchFailed(f"{_reason(error)}; {self._go_back(before)}") from error
        return self._report(generation, since, count)

    def _stay(self, before: State) -> Report:
        """All is as it shall be: prove it, and end what an update left that was killed."""
        try:
            self._prove(before.color, before.generation)
            self._probe()
        except BluegreenError as error:
            raise SwitchFailed(f"{error}; {UNTOUCHED}") from error
        return self._report(before.generation, before.since, Count())

    def _prove(self, color: str, generation: int) -> None:
        """Fresh connections reach this color and generation alone."""
        self._edges.do(lambda nginx: nginx.prove(color, generation))

    def _look_as_users(self) -> None:
        """What users get is the target: the template in force leads to no other place."""
        users = self._order.users
        if users:
            self._edges.do(
                lambda nginx: nginx.ask_as_users(
                    users.host, users.path, secure=users.secure, seconds=USERS_SECONDS
                )
            )

    def _probe(self) -> None:
        """The target answers over the path users' requests will take."""
        self._edges.do(lambda nginx: nginx.probe(self._order.color, PROBE_SECONDS))

    def _hold(self, before: State | None) -> None:
        """Writes that would be lost wait until the switch is confirmed, or gone back from."""
        order = self._order
        if order.hold and before:
            live = before.color
            self._edges.do(lambda nginx: nginx.hold(order.hold, live, order.color))

    def _counted(self, before: State | None) -> tuple[Count, Count]:
        """What the target, and the color that is live, have answered until now."""
        order = self._order
        if not before or not order.bake.seconds:
            return Count(), Count()
        slow = order.bake.slow
        self._edges.do(lambda nginx: nginx.wait_at_most(slow))
        target = self._edges.counts(order.service, order.color)
        if before.color == order.color:
            return target, target
        return target, self._edges.counts(order.service, before.color)

    def _go_back(self, before: State | None) -> str:
        """Go back, and end what is in flight on the target; what serves, as a phrase."""
        order, flipped = self._order, bool(self._flipped)
        serves = self._edges.restore(flipped=flipped)
        with contextlib.suppress(BluegreenError, KeyboardInterrupt):
            now = self._edges.state() if flipped and before else None
            # It may be live all the same: where nothing could go back, or one edge has confirmed.
            if now and now.color != order.color:
                cut = drain(self._edges, order, order.color, time.monotonic())
                serves += f"; {cut} requests still open on {order.color} were closed" if cut else ""
        return serves

    def _report(self, generation: int, since: str, count: Count) -> Report:
        """Drain, then tell."""
        order, baked = self._order, time.monotonic()
        at = self._flipped
        try:
            cut = drain(self._edges, order, other(cast("Color", order.color)), at or baked)
        except KeyboardInterrupt:  # a failure: what still serves must not be retired
            live = f"{order.color} {order.version} is confirmed and serves"
            raise SwitchFailed(f"the drain was interrupted; {live}") from None
        if order.hold:
            self._edges.try_to(lambda nginx: nginx.let_go())
        return Report(
            color=order.color,
            version=order.version,
            generation=generation,
            since=since,
            switched=bool(at),
            switch_seconds=round(at - self._begun, 3) if at else 0,
            requests=count.requests,
            errors=count.failed,
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
                {
                    name: Nginx(
                        shell,
                        order.service,
                        order.health,
                        shares=order.shares,
                        proxied=order.proxied,
                    )
                    for name, shell in opened.shells.items()
                },
                opened.missed,
                required=order.edges_required,
                drain_timeout=order.drain_timeout,
            )
            report = Switch(order, sys.stdin.read(), edges).run()
    except (BluegreenError, KeyboardInterrupt) as error:
        reason = error if isinstance(error, BluegreenError) else f"{_reason(error)}; {UNTOUCHED}"
        print(
            f"switch to {order.color} {order.version} failed: {reason}. Next: fix the problem "
            "above (`bluegreen logs --errors` shows nginx's side) and run "
            "`pulumi up` again, or set active_color back.",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(asdict(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
