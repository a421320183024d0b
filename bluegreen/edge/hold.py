"""Holding writes back in the edge, for as long as this process lives or until a switch takes over.

The flags are files that nginx looks for at each write. They go with the shell that put them
there, however it ends: a release that is killed lets writes through again by itself.
"""

import contextlib
import time
import uuid

from bluegreen.config.settings import COLORS, Docker
from bluegreen.docker.shell import Shell
from bluegreen.edge.state import SOCKET, flag_of, flags_of
from bluegreen.errors import BluegreenError, DataFailed

UNDER_WAY_SECONDS = 30.0  # for writes that had begun when the hold did
POLL = 0.05
SURE = 3
NONE, SOME = "204", "409"  # nginx's answers to: is a write in flight?

# A daemon restarted with live-restore leaves a shell that never hears of its end.
MOST_SECONDS = 7200

_HOLD = f"""\
let_go() {{
    for flag in @flags@; do
        [ "$(cat $flag 2>/dev/null)" = @token@ ] && rm -f $flag
    done
    true
}}
trap let_go EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir -p @folder@
for flag in @flags@; do
    echo @token@ >@folder@/held.part && mv @folder@/held.part $flag
done
( sleep {MOST_SECONDS}; let_go ) </dev/null >/dev/null 2>&1 &
"""


class Hold:
    """Writes are held back from here until `let_go`, this process's end, or a switch's take-over.

    `token` is what a switch must name to take over.
    """

    def __init__(self, edge: str, service: str, docker: Docker) -> None:
        """Hold writes back, and wait for those in flight.

        Raises:
            DataFailed: nginx cannot hold them back, or one is in flight for too long.
        """
        self.token = uuid.uuid4().hex
        self._shell = Shell(edge, docker)
        # A POST, as what only reads is not counted.
        ask = f"curl -s -o /dev/null -w '%{{http_code}}' -X POST --unix-socket {SOCKET}"
        self._ask = f"{ask} http://{service}/writes"
        flags = " ".join(flag_of(service, color) for color in COLORS)
        script = _HOLD.replace("@token@", self.token).replace("@flags@", flags)
        try:
            self._shell.check(script.replace("@folder@", flags_of(service)))
            self._await_none()
        except BaseException:
            self.let_go()
            raise

    def _await_none(self) -> None:
        deadline, row = time.monotonic() + UNDER_WAY_SECONDS, 0
        while row < SURE:
            answer = self._shell.run(self._ask).text
            if answer not in (NONE, SOME):
                raise DataFailed(
                    "nginx cannot hold writes: asked how many are in flight, it answers "
                    f"{answer or 'nothing'}"
                )
            row = row + 1 if answer == NONE else 0
            if time.monotonic() > deadline:
                raise DataFailed(
                    f"a write has been in flight for more than {UNDER_WAY_SECONDS:g} s, so no "
                    "copy would have it; try again when it is done"
                )
            time.sleep(POLL if row < SURE else 0)

    def let_go(self) -> None:
        """Let writes through again, unless a switch has taken over."""
        with contextlib.suppress(BluegreenError):  # an edge that is gone holds nothing back
            self._shell.__exit__()
