"""What a switch does to the running nginx, one method for each act.

nginx/edge.sh says which files a service has in the edge, and what each is for.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from bluegreen.config.settings import Health
from bluegreen.docker.shell import Shell
from bluegreen.docker.transport import EdgeTransport
from bluegreen.edge import scripts
from bluegreen.edge.counts import Counts
from bluegreen.edge.follow import PEER_PORT
from bluegreen.edge.render import compose, stamp
from bluegreen.edge.scripts import RELOAD_SECONDS
from bluegreen.edge.state import (
    SOCKET,
    TRIAL_HOLD,
    State,
    flag_of,
    flags_of,
    folder_of,
    state_in,
    state_of,
)
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer, ask

OLDEST = (1, 28, 0)
PUBLIC = "http://127.0.0.1:80"
POLL = 0.05
SURE = 5  # answers in a row on fresh connections
PROOF_TIMEOUT = 15.0
FOLLOW_TIMEOUT = 5.0  # followers look every second
TRIAL = 60.0  # how much longer than its bake a switch may be on trial
CLAIMED = 3  # load_unclaimed's exit code
# nginx's answers to: is anything in flight? It knows nothing of a color that was never released.
NONE, SOME, UNKNOWN = 204, 409, 404


class Nginx:
    """The nginx in the edge, through an open shell there, for one service."""

    def __init__(
        self,
        shell: Shell,
        service: str,
        health: Health,
        *,
        shares: bool = False,
        proxied: bool = False,
    ) -> None:
        """Use this shell.

        Args:
            shell: in the edge's container.
            service: its name there.
            health: what a good answer of a color is.
            shares: whether the edge has other services, too.
            proxied: whether its public port takes connections by the PROXY protocol.
        """
        self._shell, self._service, self._health = shell, service, health
        self._folder = folder_of(service)
        self._shares = shares
        # A host's name leads there by the public port; the socket does, whatever that is.
        by_socket = EdgeTransport(shell, socket=f"/run/{service}.sock")
        self._by_socket = httpx.Client(transport=by_socket)
        public = by_socket if shares else EdgeTransport(shell, proxied=proxied)
        self._client = httpx.Client(transport=public)
        self._inside = httpx.Client(transport=EdgeTransport(shell, socket=SOCKET))

    def claim(self) -> None:
        """Be the only switch of this service in this edge."""
        self._shell.check(scripts.claim(self._service))

    def hold(self, token: str, live: str, target: str) -> None:
        """Hold writes back until the switch is confirmed, or gone back from.

        Args:
            token: of the hold to take over, whose clone the target runs on; or TRIAL_HOLD.
            live: the color that serves.
            target: the color to be switched to.

        Raises:
            SwitchFailed: that hold has ended, so that writes were let through after the clone.
        """
        colors = [target] if token == TRIAL_HOLD else [live, target]
        flags = [flag_of(self._service, color) for color in colors]
        script = scripts.hold(self._service, token, flag_of(self._service, live), flags)
        if self._shell.run(script).code:
            raise SwitchFailed(
                f"writes to {live} resumed after its data was copied for {target}, "
                "and would be lost"
            )

    def let_go(self) -> None:
        """Let writes through wherever they are still held back."""
        self._shell.run(f"rm -f {flags_of(self._service)}/held-*")

    def require_version(self) -> None:
        """Raise SwitchFailed for an nginx whose reload would cut connections."""
        said = self._shell.run("nginx -v").text
        number = said.rpartition("/")[2].split()[0] if "/" in said else "?"
        try:
            version = tuple(int(part) for part in number.split("."))
        except ValueError:
            version = ()
        if version < OLDEST:
            raise SwitchFailed(
                f"the edge's image runs nginx {number}; wanted: at least "
                f"{'.'.join(map(str, OLDEST))} (older ones reset connections on a reload)"
            )

    def state(self) -> State | None:
        """What is live, by what nginx looks for; None before the first switch."""
        said = self._shell.run(
            f"cd {self._folder} && for c in nginx.conf stable.conf; do "
            'echo "$c $(head -n 1 $c)"; done; ls green'
        )
        return state_in(dict(line.partition(" ")[::2] for line in said.text.splitlines()))

    def next_generation(self) -> int:
        """A number no config in the folder has had, failed ones included."""
        lines = self._shell.run(
            f"cd {self._folder} && for c in *.conf; do head -n 1 $c; done"
        ).text.splitlines()
        return max((state.generation for state in map(state_of, lines) if state), default=0) + 1

    def probe(self, color: str, seconds: float) -> None:
        """Ask the color through nginx until the answer is good.

        Raises:
            SwitchFailed: it was not within these seconds.
        """
        last = _until_good(lambda: self.ask(color), seconds)
        if last.complaint:
            raise SwitchFailed(f"{color} is not reachable through nginx: {last.seen}")

    def ask(self, color: str, seconds: float = 5) -> Answer:
        """Ask the color's health once, through nginx."""
        url = f"http://{color}.{self._service}{self._health.path}"
        # nginx puts in the host that the service is asked for: it knows the color by this one.
        return ask(self._inside, url, replace(self._health, host=""), seconds)

    def answers(self, color: str, seconds: float) -> bool:
        """Whether the color answers a request for / within these seconds, with whatever."""
        url = f"http://{color}.{self._service}/"
        try:
            self._inside.get(url, headers=self._health.headers, timeout=seconds)
        except httpx.TimeoutException:
            return False
        except httpx.TransportError:
            pass  # too big to be read whole, or cut: an answer all the same
        return True

    def ask_as_users(self, host: str, path: str, *, secure: bool, seconds: float) -> None:
        """Ask for the health by the way that users' requests take, until the answer is good.

        Raises:
            SwitchFailed: it was not within these seconds.
        """
        # nginx believes whoever comes by the socket: so it can be asked as if by TLS.
        told = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https" if secure else "http"}
        headers = {**told, **self._health.headers}
        health = replace(self._health, host=host, headers=headers)
        last = _until_good(lambda: ask(self._by_socket, f"{PUBLIC}{path}", health, 5), seconds)
        if last.complaint:
            raise SwitchFailed(
                f"users do not reach its health by http://{host}{path}: {last.complaint} "
                f"(seen: {last.seen}). A template may lead elsewhere; if users shall not get "
                "there, set health.public: false"
            )

    def write(self, rendered: str, generation: int, since: str) -> None:
        """Write the next config, with the other color's part as it is, and let nginx test it.

        Raises:
            SwitchFailed: nginx refuses it; the config in force is untouched.
        """
        in_force = self._shell.run(f"cat {self._folder}/nginx.conf").output.decode(errors="replace")
        config = stamp(compose(rendered, in_force), rendered, generation, since)
        self._shell.write(f"{self._folder}/next.conf", config)
        test = self._shell.run("locked nginx_takes next.conf")
        if test.code:
            self._shell.run("mv next.conf failed.conf")
            raise SwitchFailed(f"nginx refuses the rendered config: {_first_error(test.text)}")

    def arm(self, seconds: float = TRIAL) -> None:
        """Make the edge go back by itself when this process dies, or these seconds are over."""
        self._shell.check(scripts.arm(self._service, seconds))

    def pulse(self) -> None:
        """Give a sign of life: without one for `scripts.SILENCE` seconds the trial goes back."""
        self._shell.check(f"touch {self._folder}/pulse")

    def wait_at_most(self, slow: float) -> None:
        """Count a request whose client gives up after so many seconds as abandoned."""
        self._shell.write(f"{self._folder}/slow", f"{slow:g}")

    def load(self) -> None:
        """Let nginx run the next config's text: requests go where they went."""
        done = self._shell.run("locked load_unclaimed next.conf", timeout=RELOAD_SECONDS + 20)
        if done.code == CLAIMED:
            raise SwitchFailed(f"on the shared edge {done.text}: one host and path, one service")
        if done.code:
            raise SwitchFailed(
                f"nginx does not load the rendered config: {_first_error(done.text)}"
            )

    def flip(self, color: str) -> None:
        """Lead each request from here on to this color."""
        self._shell.check(f"flip {color}")

    def prove(self, color: str | None, generation: int) -> None:
        """Make sure that nginx answers by this color and generation."""
        row, seen = 0, ""
        deadline = time.monotonic() + PROOF_TIMEOUT
        while row < SURE:
            answer = self._said()
            good = answer.get("color") == color and answer.get("generation") == generation
            row, seen = (row + 1, seen) if good else (0, json.dumps(answer))
            if not good:
                if time.monotonic() > deadline:
                    raise SwitchFailed(
                        f"nginx does not serve generation {generation}: it says {seen}"
                    )
                time.sleep(POLL)

    def _said(self) -> dict[str, Any]:
        try:
            answer = self._client.get(f"{PUBLIC}/-/bluegreen", timeout=2)
            found = answer.json()
            return found if isinstance(found, dict) else {"answer": found}
        except httpx.ConnectError as error:
            # On a shared edge a service without a color has no socket, and needs none.
            return {"color": None, "generation": 0} if self._shares else {"error": str(error)}
        except (httpx.TransportError, json.JSONDecodeError) as error:
            return {"error": str(error)}

    def confirm(self) -> None:
        """Make the config in force the stable one; from here nothing goes back by itself."""
        self._shell.check(scripts.confirm())

    def restore(self, *, flipped: bool) -> str:
        """Go back to the stable config, prove it, and say what serves now, as a phrase."""
        try:
            self._shell.check(
                "cp nginx.conf failed.conf; locked restore", timeout=RELOAD_SECONDS + 20
            )
            state = self.state()
            color, generation = (state.color, state.generation) if state else (None, 0)
            self.prove(color, generation)
            # The trial is over: what watches for its end would end the drain's shell.
            self._shell.check("trap - EXIT; rm -f switch.pid pulse")
        except EdgeUnreachable:
            return "the edge is gone; when it starts again it serves the last confirmed color"
        except BluegreenError as error:
            return f"reverting failed too ({error}): look at `bluegreen logs --errors`"
        serves = "serves again" if flipped else "keeps serving"
        return f"{color} {state.version} {serves} (proven)" if state else "no color is live"

    def is_followed_by(self, edge: str, seconds: float = FOLLOW_TIMEOUT) -> bool:
        """Whether another edge, that nobody could talk to, takes over what is confirmed here."""
        state, deadline = self.state(), time.monotonic() + seconds
        where = f"http://{edge}:{PEER_PORT}/{self._service}/stable.conf"
        look = f"curl -s -m 1 {where} | head -n 1"
        while (said := self._shell.run(look).text) and time.monotonic() < deadline:
            its = state_of(said)
            if state and its and its.generation >= state.generation:
                return True
            time.sleep(POLL)
        return False

    def in_flight(self, color: str) -> bool:
        """Whether this color is serving any request of a user."""
        try:
            url = f"http://{color}.{self._service}/-/in-flight"
            status = self._inside.get(url, timeout=2).status_code
        except httpx.TransportError as error:
            raise EdgeUnreachable(f"nginx does not say what is in flight: {error}") from None
        if status not in (NONE, SOME, UNKNOWN):
            raise EdgeUnreachable(f"nginx does not say what is in flight: it answers {status}")
        return status == SOME

    def counts(self) -> Counts:
        """Users' requests so far, of all services in this edge."""
        return Counts.read(self._shell.check(scripts.count_now()))


def _until_good(ask_once: Callable[[], Answer], seconds: float) -> Answer:
    """Ask until the answer is good, or these seconds are over; the last answer."""
    deadline = time.monotonic() + seconds
    while (last := ask_once()).complaint and time.monotonic() < deadline:
        time.sleep(POLL)
    return last


def _first_error(said: str) -> str:
    lines = [line for line in said.splitlines() if "[emerg]" in line] or said.splitlines()
    return lines[0].partition("[emerg] ")[2] or lines[0] if lines else "(it printed nothing)"
