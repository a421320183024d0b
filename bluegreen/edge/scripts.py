"""The scripts that run inside an edge: files in nginx/, and what they need to know."""

import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bluegreen.edge.follow import CLAIM_SECONDS, PEER_PORT
from bluegreen.edge.state import (
    ALIVE,
    BODIES,
    COUNT,
    EDGE_CONFIG,
    KEPT,
    KEYS,
    LISTEN,
    LOGS,
    SERVICES,
    TRIAL_HOLD,
    WAITING,
    folder_of,
)
from bluegreen.edge.templates import TEMPLATES

# Seconds. Longer than any act of a switch takes that does not give a sign of life meanwhile.
SILENCE = 25
RELOAD_SECONDS = 15
WARM_SECONDS = 10  # for a live color to be found, before nginx goes public all the same
QUIET_SECONDS = 4  # after which the holder takes it that there is no nginx
LOG_BYTES = 12_000_000  # of each log, before it gives way to a new one

KNOWN = {
    "PROC": "/proc",
    "RUN": "/run",
    "ETC": "/etc",
    "SHM": "/dev/shm",
    "SERVICES": SERVICES,
    "EDGE": EDGE_CONFIG,
    "WAITING": WAITING,
    "LOGS": LOGS,
    "LOG": f"{LOGS}/error.log",
    "LOG_BYTES": str(LOG_BYTES),
    "COUNT": COUNT,
    "KEPT": KEPT,
    "LISTEN": LISTEN,
    "ALIVE": ALIVE,
    "KEYS": KEYS,
    "BODIES": BODIES,
    "PROXIED": "",
    "WARM_SECONDS": str(WARM_SECONDS),
    "QUIET_SECONDS": str(QUIET_SECONDS),
    "TRIAL_HOLD": TRIAL_HOLD,
    "PEER_PORT": str(PEER_PORT),
    "RELOAD_SECONDS": str(RELOAD_SECONDS),
    "SILENCE": str(SILENCE),
    "CLAIM_SECONDS": str(CLAIM_SECONDS),
}
ACCOUNT = "/acme"  # the folder of the volume with the account and the certificates
FUNCTIONS = ("edge", "peers", "trial", "count")


NOTHING: Mapping[str, str] = MappingProxyType({})


def script(*names: str, given: Sequence[str] = (), known: Mapping[str, str] = NOTHING) -> str:
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


def of_a_switch(service: str, name: str, *given: str) -> str:
    """A script that a switch of this service runs in its shell, with the functions that it uses."""
    return script(*FUNCTIONS, name, given=given, known={"FOLDER": folder_of(service)})


def claim(service: str) -> str:
    """Be the only switch of this service; from here the shell has the functions, and is there."""
    return of_a_switch(service, "claim")


def arm(service: str, seconds: float) -> str:
    """Go back when this shell ends, or these seconds are over."""
    return of_a_switch(service, "arm", of_a_switch(service, "end-of-trial"), f"{seconds:.0f}")


def confirm() -> str:
    """Stay."""
    return script("confirm")


def join(service: str) -> str:
    """Give a service its folder."""
    return f"mkdir -p {folder_of(service)}"


def leave(service: str) -> str:
    """Take it away, with the flags; nginx forgets the service."""
    return script("edge", "leave", given=[service])


def count_now() -> str:
    """Print the totals, up to date; in a shell that has made its claim."""
    return f"count_now && cat {LOGS}/metrics"


def hold(service: str, token: str, live: str, flags: list[str]) -> str:
    """Hold writes back with these flags, taking over what holds them by `live`'s with a token."""
    return of_a_switch(service, "hold", token, live, *flags)


def certify(service: str, name: str) -> str:
    """Let nginx have another certificate for all hosts of a service."""
    return script("edge", "certify", given=[service, name])


def get_certificates(email: str, directory: str) -> str:
    """What the container runs that gets certificates."""
    known = {"EMAIL": email, "DIRECTORY": directory, "ACCOUNT": ACCOUNT, "CHECK_SECONDS": "20"}
    return script("acme", known=known)


def start(among_several_as: str = "", *, copies: bool = False, proxied: bool = False) -> str:
    """What an edge's container starts with.

    Args:
        among_several_as: of several edges, its own name among them.
        copies: whether the log is copied to the container's.
        proxied: whether connections come by the PROXY protocol.
    """
    known = {"COPY_LOG": "1"} if copies else {}
    known |= {"PROXIED": " proxy_protocol"} if proxied else {}
    if not among_several_as:
        return script("edge", "count", "run", "start", known=known)
    own = {**known, "SELF": among_several_as}
    return script("edge", "peers", "count", "run", "start-among-several", known=own)


def hold_ports() -> str:
    """What the holder's container runs."""
    return script("holder")
