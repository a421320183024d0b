"""The certificates that an edge has for a service: for whom, until when, and what ails them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bluegreen.config.certificates import Unreadable, read_certificate
from bluegreen.config.settings import Place
from bluegreen.docker.facts import read_folder
from bluegreen.edge.state import tls_of

# Days before its end from which a certificate matters: it has been due for long by then.
SOON = 14
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Held:
    """A certificate in an edge, or the want of one.

    Attributes:
        host: that it was got for; "" = it was given for all.
        names: the hosts that it says it is for.
        ends: when; "" = there is none.
        trouble: what is wrong, as a phrase; "" = nothing.
        todo: the way out.
    """

    host: str
    names: tuple[str, ...]
    ends: str
    trouble: str
    todo: str

    @property
    def line(self) -> str:
        """It in a line."""
        names = ", ".join(self.names) or self.host
        return f"{names} until {self.ends}" if self.ends else f"{names}: none"


def read_certificates(place: Place, service: str, wanted: Iterable[str] = ()) -> list[Held]:
    """Those of a service in an edge.

    Args:
        place: where the edge is.
        service: prefix of what its stack has in Docker.
        wanted: hosts that get theirs by ACME.

    Raises:
        BluegreenError: it could not be asked.
    """
    found = read_folder(place.docker, place.container, tls_of(service))
    if found.missing:  # before the first release, which asks for them
        return []
    files = {path.rpartition("/")[2]: text for path, text in found.files.items()}
    held = [
        _held("" if name == "given.names" else name.removesuffix(".names"), text, files)
        for name, text in sorted(files.items())
        if name.endswith(".names")
    ]
    got = {each.host for each in held}
    missing = [host for host in wanted if host not in got]
    return held + [_missing(host, files.get(f"{host}.problem", "")) for host in missing]


def _held(host: str, line: str, files: dict[str, str]) -> Held:
    name = line.split()[-1].rstrip(";") if line.split() else ""
    # Of a chain the beginning is read; the first is the host's own.
    pem = files.get(f"{name}.pem", "").partition(_END)[0] + _END
    try:
        certificate = read_certificate(pem)
    except Unreadable as error:
        return Held(host, (), "", f"{name}.pem {error}", "`pulumi up` puts it there again")
    problem = files.get(f"{host}.problem", "")
    left = certificate.days_left()
    lifetime = (certificate.ends - certificate.begins).total_seconds() / 86_400
    trouble = ""
    if left < 0:
        trouble = "has ended"
    elif left < SOON and (problem or not host or lifetime > 2 * SOON):
        trouble = f"ends in {left:.0f} days"
    ends = f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
    if not trouble:
        return Held(host, certificate.names, ends, "", "")
    if not host:
        todo = "set tls.certificate and tls.key to its successor, and run `pulumi up`"
        return Held(host, certificate.names, ends, trouble, todo)
    return Held(host, certificate.names, ends, trouble + _told(problem), _TODO)


_TODO = (
    "make sure that http://HOST/.well-known/acme-challenge/ leads here; `docker logs` of the "
    "edge's container `…-acme` says more"
)


_WAIT = f"that takes a moment: look again in a minute; if it stays so, {_TODO}"


def _missing(host: str, problem: str) -> Held:
    todo = _TODO if problem else _WAIT
    return Held(host, (), "", f"has no certificate yet{_told(problem)}", todo)


def _told(problem: str) -> str:
    """What `renew` in nginx/acme.sh has written: times it failed, when it goes on, and why."""
    if not problem:
        return ""
    times, again, said = [*problem.split(maxsplit=2), "", "", ""][:3]
    at = datetime.fromtimestamp(int(again), UTC) if again.isdigit() else None
    when = f", the next try is at {at:%H:%M} UTC" if at else ""
    return f" (failed {times} times{when}: {said.strip()[:600]})"
