"""What holds between the keys that are about TLS."""

from collections.abc import Collection
from pathlib import Path

from bluegreen.config.certificates import PEM, Unreadable, fits, read_certificate
from bluegreen.config.kinds import Values
from bluegreen.config.scalars import Hidden
from bluegreen.config.settings import Acme, Tls

_GIVEN = ("certificate", "key")
_OF_A_SERVICE = ("redirect", "hsts")
_A_SECRET = "a secret: pulumi config set --secret --path tls.key < FILE, or the path of a file"


def settle_tls(values: Values, secrets: Collection[str], root: Path) -> Tls | None:
    """The setting tls; notes what is wrong there."""
    given = values["tls"]
    if not given:
        return None
    read, acme = given.reader, None
    if read.is_set("acme"):
        acme = _acme(values, root)
    both = [each for each in _GIVEN if read.is_set(each)]
    if acme and both:
        read.wrong(both[0], "none with tls.acme, which gets certificates by itself", shown=False)
    if values["kind"] == "edge":
        for key in (*both, *(each for each in _OF_A_SERVICE if read.is_set(each))):
            read.wrong(key, "none in a stack of kind edge: a service brings its own", shown=False)
    elif not acme and len(both) < len(_GIVEN):
        read.mistake(
            f"tls: has {' and '.join(both) or 'neither certificate nor acme'}; allowed: "
            "certificate and key, or acme"
        )
    if values["path_prefix"]:
        read.mistake(
            "tls: is set with path_prefix; allowed: in the stack of the service that has the host "
            "itself"
        )
    texts = {each: _text(values, each, root) for each in _GIVEN}
    if given["key"].startswith(PEM) and "tls" not in secrets:
        read.wrong("key", _A_SECRET, shown=False)
    _check(values, texts["certificate"], texts["key"])
    return Tls(
        certificate=texts["certificate"],
        key=texts["key"],
        redirect=given["redirect"],
        hsts=given["hsts"],
        acme=acme,
    )


def settle_port(values: Values) -> None:
    """With TLS, the port for it is 443, unless config says otherwise."""
    if values["https_port"] is None:
        values["https_port"] = 443 if values["tls"] and not values["edge"] else 0


def _text(values: Values, key: str, root: Path) -> str:
    """A PEM text: as it is given, or that of the file which is named."""
    value = values["tls"][key]
    if not value or isinstance(value, Hidden) or value.startswith(PEM):
        return "" if isinstance(value, Hidden) else str(value)
    try:
        return (root / str(value)).read_text()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        what = f'is not PEM text, and "{value[:60]}" cannot be read as a file ({said})'
        values["tls"].reader.mistake(
            f"tls.{key}: {what}; allowed: PEM text, or a file on the machine that runs the update"
        )
        return ""


def _check(values: Values, certificate: str, key: str) -> None:
    read = values["tls"].reader
    if not certificate:
        return
    try:
        found = read_certificate(certificate)
    except Unreadable as error:
        read.mistake(f"tls.certificate: {error}; allowed: a certificate and its chain, in PEM")
        return
    try:
        if key and not fits(certificate, key):
            read.mistake("tls.key: is not the key of tls.certificate; allowed: that one")
    except Unreadable as error:
        read.mistake(f"tls.key: {error}; allowed: a private key without a password, in PEM")
    missing = found.missing(values["hosts"])
    if missing:
        read.notes.doubts.append(
            f"tls.certificate: is not for {', '.join(missing)} of hosts; it is for "
            f"{', '.join(found.names) or 'no host'}"
        )
    if found.days_left() < 0:
        read.notes.doubts.append(f"tls.certificate: ended on {found.ends:%Y-%m-%d}")


def _acme(values: Values, root: Path) -> Acme:
    """The account, which a service on a shared edge has not."""
    given = values["tls"]["acme"]
    read = given.reader
    account = [each for each in ("email", "server", "ca", "image") if read.is_set(each)]
    if values["edge"]:
        if account:
            read.wrong(
                account[0], f"none here: the account is that of {values['edge']}; acme: true"
            )
        _check_hosts(values)
        return Acme()
    if not read.is_set("email"):
        read.wrong("email", "an address that the ACME server may write to")
    if values["kind"] == "service":
        _check_hosts(values)
    ca = (root / given["ca"]).read_text() if given["ca"] else ""
    return Acme(given["email"], given["server"], ca, given["image"])


def _check_hosts(values: Values) -> None:
    hosts = values["hosts"]
    read = values["tls"].reader
    for host in hosts:
        if host.startswith("*."):
            read.mistake(
                f'tls.acme: "{host}" of hosts is a wildcard, which HTTP-01 cannot prove; allowed: '
                "hosts by name, or certificate and key"
            )
    if not hosts:
        read.mistake("tls.acme: no hosts to get certificates for; allowed: with hosts: [NAME, …]")
