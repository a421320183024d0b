"""Holding writes back in the edge, for as long as this process lives or until a switch takes over.

The flags are files that nginx looks for at each request. They go with the shell that put them
there, however it ends: a release that is killed lets writes through again by itself.
"""

import contextlib
import time
import uuid

from bluegreen.config.settings import COLORS, Docker
from bluegreen.docker.shell import Shell
from bluegreen.edge.state import FLAGS, flag_of
from bluegreen.errors import BluegreenError, DataFailed

UNDER_WAY_SECONDS = 30.0  # for writes that had begun when the hold did
POLL = 0.05
SURE = 3
COUNT = "http://127.0.0.1:8009/writes"
NONE, SOME = "204", "409"  # its answers: writes under way

# A daemon restarted with live-restore leaves a shell that never hears of its end.
MOST_SECONDS = 7200

_HOLD = f"""\
let_go() {{
    for flag in {" ".join(flag_of(color) for color in COLORS)}; do
        [ "$(cat $flag 2>/dev/null)" = @token@ ] && rm -f $flag
    done
    true
}}
trap let_go EXIT
trap 'exit 1' HUP INT TERM PIPE
for color in {" ".join(COLORS)}; do
    echo @token@ >{FLAGS}.part && mv {FLAGS}.part {FLAGS}-$color
done
( sleep {MOST_SECONDS}; let_go ) </dev/null >/dev/null 2>&1 &
"""


def can_hold(shell: Shell) -> bool:
    """Whether the config that nginx runs looks for the flags."""
    return _count(shell) in (NONE, SOME)


def _count(shell: Shell) -> str:
    return shell.run(f"curl -s -o /dev/null -w '%{{http_code}}' -X POST {COUNT}").text


class Hold:
    """Writes are held back from here until `let_go`, this process's end, or a switch's take-over.

    `token` is what a switch must name to take over.
    """

    def __init__(self, edge: str, docker: Docker) -> None:
        """Hold writes back, and wait for those under way.

        Raises:
            DataFailed: the live config cannot hold them back, or one is under way for too long.
        """
        self.token = uuid.uuid4().hex
        self._shell = Shell(edge, docker)
        try:
            self._shell.check(_HOLD.replace("@token@", self.token))
            self._await_none()
        except BaseException:
            self.let_go()
            raise

    def _await_none(self) -> None:
        deadline, row = time.monotonic() + UNDER_WAY_SECONDS, 0
        while row < SURE:
            answer = _count(self._shell)
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
