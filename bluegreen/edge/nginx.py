"""What a switch does to the running nginx, one method for each act.

Files in the edge's config folder: `nginx.conf` is what nginx runs, `next.conf` what it shall
run, `stable.conf` the last config that went through a whole switch, `failed.conf` the last
that did not, kept to be looked at.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from bluegreen.config.settings import Health
from bluegreen.docker.shell import Shell
from bluegreen.docker.transport import EdgeTransport
from bluegreen.edge import scripts
from bluegreen.edge.follow import PEER_PORT
from bluegreen.edge.scripts import LEAVING, WORKERS
from bluegreen.edge.state import CONFIG_FOLDER, FLAGS, TRIAL_HOLD, State, flag_of, state_of
from bluegreen.errors import BluegreenError, EdgeUnreachable, SwitchFailed
from bluegreen.health.probe import Answer, ask

OLDEST = (1, 28, 0)
PUBLIC, INTERNAL = "http://127.0.0.1:80", "http://127.0.0.1:8008"
POLL = 0.05
SURE = 5  # fresh connections in a row that must reach the new workers
RELOAD_TIMEOUT = 15.0
FOLLOW_TIMEOUT = 5.0  # followers look every second
TRIAL = 60.0  # how much longer than its bake a switch may be on trial


class Nginx:
    """The nginx in the edge, through an open shell there."""

    def __init__(self, shell: Shell, health: Health) -> None:
        """Use this shell; `health` says what a good answer of a color is."""
        self._shell, self._health = shell, health
        self._client = httpx.Client(transport=EdgeTransport(shell))

    def claim(self) -> None:
        """Be the only switch in this edge."""
        self._shell.check(scripts.claim())

    def hold(self, token: str, live: str, target: str) -> None:
        """Hold writes back until the switch is confirmed, or gone back from.

        Args:
            token: of the hold to take over, whose clone the target runs on; or TRIAL_HOLD.
            live: the color that serves.
            target: the color to be switched to.

        Raises:
            SwitchFailed: that hold has ended, so that writes were let through after the clone.
        """
        flags = [flag_of(target)] if token == TRIAL_HOLD else [flag_of(live), flag_of(target)]
        done = self._shell.run(scripts.hold(token, flag_of(live), flags))
        if done.code:
            raise SwitchFailed(
                f"writes to {live} resumed after its data was copied for {target}, "
                "and would be lost"
            )

    def let_go(self) -> None:
        """Let writes through wherever they are still held back."""
        self._shell.run(f"rm -f {FLAGS}-*")

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
        """What the config in force says of itself; None before the first switch."""
        return state_of(self._shell.run(f"head -n 1 {CONFIG_FOLDER}/nginx.conf").text)

    def next_generation(self) -> int:
        """A number no config in the folder has had, failed ones included."""
        lines = self._shell.run(
            f"cd {CONFIG_FOLDER}; for c in *.conf; do head -n 1 $c; done"
        ).text.splitlines()
        return max((state.generation for state in map(state_of, lines) if state), default=0) + 1

    def probe(self, color: str, seconds: float) -> None:
        """Ask the color through nginx until the answer is good.

        Raises:
            SwitchFailed: it was not within these seconds.
        """
        last = self.ask(color)
        if last.complaint:
            # A color that did not run is not looked for often: new workers look at once.
            self._signal_reload()
            last = self._until(seconds, lambda: self.ask(color))
        if last.complaint:
            raise SwitchFailed(f"{color} is not reachable through nginx: {last.seen}")

    def ask(self, color: str, seconds: float = 5) -> Answer:
        """Ask the color's health once, through nginx."""
        return ask(self._client, f"{INTERNAL}/{color}{self._health.path}", self._health, seconds)

    def write(self, config: str) -> None:
        """Write the next config and let nginx test it.

        Raises:
            SwitchFailed: nginx refuses it; the config in force is untouched.
        """
        self._shell.write(f"{CONFIG_FOLDER}/next.conf", config)
        test = self._shell.run(f"nginx -t -q -c {CONFIG_FOLDER}/next.conf")
        if test.code:
            self._shell.run(f"cd {CONFIG_FOLDER}; mv next.conf failed.conf")
            raise SwitchFailed(f"nginx refuses the rendered config: {_first_error(test.text)}")

    def arm(self, seconds: float = TRIAL) -> None:
        """Make the edge go back by itself when this process dies, or these seconds are over."""
        self._shell.check(scripts.arm(seconds))

    def pulse(self) -> None:
        """Give a sign of life: without one for `scripts.SILENCE` seconds the trial goes back."""
        self._shell.check(f"touch {CONFIG_FOLDER}/pulse")

    def reload(self) -> None:
        """Put the next config in force."""
        before = set(self._shell.check(WORKERS).splitlines())
        self._signal_reload("mv next.conf nginx.conf && ")
        # Old workers accept connections for a moment yet: wait until none is left that does.
        deadline = time.monotonic() + RELOAD_TIMEOUT
        while before & self._accepting():
            if time.monotonic() > deadline:
                raise SwitchFailed(f"nginx did not replace its workers in {RELOAD_TIMEOUT:g} s")
            time.sleep(POLL)

    def _signal_reload(self, first: str = "") -> None:
        # One script, so that no death at this end falls between the new file and its reload.
        done = self._shell.run(f"cd {CONFIG_FOLDER} && {first}nginx -c $PWD/nginx.conf -s reload")
        if done.code:
            raise SwitchFailed(f"nginx refuses to reload: {_first_error(done.text)}")

    def _accepting(self) -> set[str]:
        workers, leaving = self._shell.check(WORKERS), self._shell.check(LEAVING)
        return set(workers.splitlines()) - set(leaving.splitlines())

    def prove(self, color: str | None, generation: int) -> None:
        """Wait until fresh connections reach only workers of this color and generation."""
        row, seen = 0, ""
        deadline = time.monotonic() + RELOAD_TIMEOUT
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
        except (httpx.TransportError, json.JSONDecodeError) as error:
            return {"error": str(error)}

    def confirm(self) -> None:
        """Make the config in force the stable one; from here nothing goes back by itself."""
        self._shell.check(scripts.confirm())

    def restore(self) -> str:
        """Go back to the stable config, prove it, and say what serves now, as a phrase."""
        try:
            self._shell.check("cp nginx.conf failed.conf; restore")
            state = self.state()
            color, generation = (state.color, state.generation) if state else (None, 0)
            self.prove(color, generation)
            self._shell.check("trap - EXIT")
        except EdgeUnreachable:
            return "the edge is gone; when it starts again it serves the last confirmed color"
        except BluegreenError as error:
            return f"reverting failed too ({error}): look at `docker logs {self._shell.container}`"
        return f"{color} {state.version} serves again (proven)" if state else "no color is live"

    def is_followed_by(self, edge: str, seconds: float = FOLLOW_TIMEOUT) -> bool:
        """Whether another edge, that nobody could talk to, takes over what is confirmed here."""
        state, deadline = self.state(), time.monotonic() + seconds
        look = f"curl -s -m 1 http://{edge}:{PEER_PORT}/stable.conf | head -n 1"
        while (said := self._shell.run(look).text) and time.monotonic() < deadline:
            its = state_of(said)
            if state and its and its.generation >= state.generation:
                return True
            time.sleep(POLL)
        return False

    def leaving(self) -> int:
        """How many old workers still finish what they serve."""
        return len(self._shell.check(LEAVING).splitlines())

    def _until(self, seconds: float, act: Callable[[], Answer]) -> Answer:
        deadline = time.monotonic() + seconds
        answer = act()
        while answer.complaint and time.monotonic() < deadline:
            time.sleep(POLL)
            answer = act()
        return answer


def _first_error(said: str) -> str:
    lines = [line for line in said.splitlines() if "[emerg]" in line] or said.splitlines()
    return lines[0].partition("[emerg] ")[2] or lines[0] if lines else "(it printed nothing)"
