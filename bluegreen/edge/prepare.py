"""Making an edge able to hold writes back, while it serves the same color as before.

Where the live config is from before writes could be held back, it takes over one that differs in
that alone: by the acts of a switch, so that whatever ends this process leaves either config whole.
"""

import time
from collections.abc import Callable

import httpx

from bluegreen.config.settings import Docker, Health
from bluegreen.docker.shell import Shell
from bluegreen.docker.transport import EdgeTransport
from bluegreen.edge.hold import can_hold
from bluegreen.edge.nginx import INTERNAL, POLL, TRIAL, Nginx
from bluegreen.edge.render import stamp
from bluegreen.edge.state import CONFIG_FOLDER, State
from bluegreen.errors import BluegreenError, DataFailed

GRACE = 5.0  # seconds after the old workers' own time, by which nginx has ended them
ANSWER = 10.0  # seconds, for the live color
# How long the old workers finish what they serve is told by the config that they run.
_SHUTDOWN = f"sed -n 's/^worker_shutdown_timeout \\([0-9]*\\)s;/\\1/p' {CONFIG_FOLDER}/nginx.conf"
# Only what nginx reads of it counts here; what a good answer is is asked of the target.
_ANY = Health(
    path="/",
    timeout=0,
    interval=0,
    passes=1,
    status=200,
    json={},
    version_field="",
    version="",
)


def prepare_to_hold(
    edge: str, docker: Docker, text: str, url: str, told: Callable[[str], None]
) -> None:
    """See to it that nginx can hold writes back; do nothing where it can.

    Args:
        edge: name of the edge's container.
        docker: which daemon.
        text: the rendered config that serves the live color and can hold writes back.
        url: where the live color is asked, as seen from the edge.
        told: is told what is done.

    Raises:
        DataFailed: it cannot; the live color serves as before.
    """
    with Shell(edge, docker) as shell:
        if can_hold(shell):
            return
        nginx = Nginx(shell, _ANY)
        nginx.require_version()
        nginx.claim()
        live = nginx.state()
        if not live:
            raise DataFailed("nginx serves no color")
        told("nginx gets a config that can hold writes back")
        client = httpx.Client(transport=EdgeTransport(shell))
        _reach(client, url, live)
        seconds = float(shell.run(_SHUTDOWN).text or 0)
        _put_in_force(nginx, text, live, client)
        _drain(nginx, seconds, told)


def _reach(client: httpx.Client, url: str, live: State) -> None:
    # Settings of today may name another port than the one that the live color was started with.
    try:
        client.get(url, timeout=ANSWER)
    except httpx.TransportError as error:
        raise DataFailed(
            f"{live.color} does not answer at {url} ({error}), where today's settings have it, so "
            "nginx is not given a config made from them. If `port` was changed, release that "
            "before or after the change of data.mode"
        ) from None


def _put_in_force(nginx: Nginx, text: str, live: State, client: httpx.Client) -> None:
    # The moment since when the color is live stays.
    generation = nginx.next_generation()
    nginx.write(stamp(text, generation, live.since))
    nginx.arm(TRIAL)
    try:
        nginx.reload()
        nginx.prove(live.color, generation)
        status = client.get(f"{INTERNAL}/{live.color}/", timeout=ANSWER).status_code
        if status in (502, 504):  # nginx's own words for: nobody there
            raise DataFailed(f"nginx does not reach {live.color}: it answers {status}")
        nginx.confirm()
    except BaseException as error:
        serves = nginx.restore()
        reason = str(error) if isinstance(error, BluegreenError) else "it was interrupted"
        raise DataFailed(f"{reason}; {serves}") from error


def _drain(nginx: Nginx, seconds: float, told: Callable[[str], None]) -> None:
    # Old workers look for no file: a write to one of them would not be held back.
    deadline, before = time.monotonic() + seconds + GRACE, 0
    while left := nginx.leaving():
        if left != before:
            told(f"{left} old workers of nginx still serve, for up to {seconds:g} s")
        if time.monotonic() > deadline:
            raise DataFailed(
                f"{left} old workers of nginx still serve after {seconds:g} s and cannot hold "
                "writes back"
            )
        before = left
        time.sleep(POLL)
