"""The scripts that run inside an edge: files in nginx/, and what they need to know."""

import shlex

from bluegreen.edge.follow import CLAIM_SECONDS, PEER_PORT
from bluegreen.edge.state import BOOTSTRAP, CONFIG_FOLDER, FLAGS, TRIAL_HOLD, WAITING
from bluegreen.edge.templates import TEMPLATES

# Lists nginx's workers; the [s] keeps grep from finding itself.
WORKERS = "grep -lsa 'nginx: worker proces[s]' /proc/[0-9]*/cmdline || true"
LEAVING = "grep -lsa 'nginx: worker process is shutting dow[n]' /proc/[0-9]*/cmdline || true"

# Seconds. Longer than any act of a switch takes that does not give a sign of life meanwhile.
SILENCE = 25

KNOWN = {
    "FOLDER": CONFIG_FOLDER,
    "BOOTSTRAP": BOOTSTRAP,
    "WAITING": WAITING,
    "HELD": FLAGS,
    "LOG": "/proc/1/fd/2",
    "TRIAL_HOLD": TRIAL_HOLD,
    "PEER_PORT": str(PEER_PORT),
    "SILENCE": str(SILENCE),
    "CLAIM_SECONDS": str(CLAIM_SECONDS),
}


def script(*names: str, given: tuple[str, ...] = (), **known: str) -> str:
    """The text of these files in nginx/, one after the other, for a POSIX shell.

    Args:
        names: without `.sh`; functions come before what uses them.
        given: positional parameters.
        known: variables besides those that all scripts get.
    """
    said = [f"{name}={shlex.quote(value)}" for name, value in {**KNOWN, **known}.items()]
    parameters = [f"set -- {shlex.join(given)}"] if given else []
    texts = [(TEMPLATES / f"{name}.sh").read_text() for name in names]
    # The first line is what an error calls it.
    return "\n".join([f"# nginx/{names[-1]}.sh", *said, *parameters, *texts])


def of_a_switch(name: str, *given: str) -> str:
    """A script that a switch runs in its shell, with the functions that it uses."""
    return script("edge", "peers", "trial", name, given=given)


def claim() -> str:
    """Be the only switch."""
    return of_a_switch("claim")


def arm(seconds: float) -> str:
    """Go back when this shell ends, or these seconds are over."""
    return of_a_switch("arm", of_a_switch("end-of-trial"), f"{seconds:.0f}")


def confirm() -> str:
    """Stay."""
    return script("confirm")


def hold(token: str, live: str, flags: list[str]) -> str:
    """Hold writes back with these flags, taking over what holds them by `live`'s with a token."""
    return of_a_switch("hold", token, live, *flags)


def start(among_several_as: str = "") -> str:
    """What an edge's container starts with; of several, under its own name among them."""
    if not among_several_as:
        return script("start")
    return script("edge", "peers", "start-among-several", SELF=among_several_as)
