"""What a service's config says of TLS, and of the host name that it goes by."""

import re
from collections.abc import Mapping, Sequence

from bluegreen.config.settings import Settings
from bluegreen.edge.state import keys_of, tls_of
from bluegreen.edge.templates import fragment

GIVEN = "given"  # what the file of a certificate is called that config has


def secured(settings: Settings, known: Mapping[str, str], edge: str) -> dict[str, str]:
    """The slots of nginx/colors.conf that are about it.

    Args:
        settings: the stack's settings.
        known: id and name of the service.
        edge: prefix of what the edge's stack has in Docker.
    """
    tls, identity = settings.tls, known["id"]
    slots = dict.fromkeys(("certificates", "secured", "challenge", "canonical"), "")
    redirects = []
    if settings.canonical_host:
        pattern = re.escape(settings.canonical_host)
        slots["canonical"] = fragment("canonical", {**known, "pattern": pattern})
        there = f"$forwarded_proto://{settings.canonical_host}$bluegreen_port_there$request_uri"
        redirects.append(f"if (${identity}_other_host) {{ return 308 {there}; }}")
    if tls:
        folder = tls_of(known["name"])
        maps = {
            # By ACME a host may have none yet; one that was given before serves it until then. As
            # a pattern: without the file nginx must start, too.
            "held": f"default '';\ninclude {folder}/*.names;"
            if tls.acme
            else f"include {folder}/give[n].names;",
            "redirect": f'"~{_PLAIN}" 1;' if tls.redirect else "",
            "hsts": f'https "max-age={tls.hsts}";' if tls.hsts else "",
        }
        slots["certificates"] = fragment("certificates", {**known, **maps})
        where = {**known, "folder": folder, "keys": keys_of(known["name"])}
        slots["secured"] = fragment("secured", where)
        there = "https://$host$bluegreen_https_port$request_uri"
        redirects.insert(0, f"if (${identity}_to_https) {{ return 308 {there}; }}")
    if tls and tls.acme:
        slots["challenge"] = challenge([f"{edge}-{each.acme}" for each in settings.edges])
    return {**slots, "redirects": "\n".join(redirects)}


# Port 80, plain, of a host that has a certificate: all but what is said of the edge itself.
_PLAIN = r"^80 http [^ ]+ (?!/-/|/[.]well-known/acme-challenge/)"


_OTHERWISE = """\
proxy_intercept_errors on;
recursive_error_pages on;
error_page 404 502 504 = @acme_{};"""


def challenge(askers: Sequence[str]) -> str:
    """Where an ACME server asks whether a host is ours.

    Args:
        askers: what gets certificates, one for each edge: whichever edge the server comes to, the
            one that has asked it answers.
    """
    parts = []
    for number, asker in enumerate(askers, 1):
        at = "^~ /.well-known/acme-challenge/" if number == 1 else f"@acme_{number}"
        other = _OTHERWISE.format(number + 1) if number < len(askers) else ""
        parts.append(fragment("challenge", {"at": at, "acme": asker, "otherwise": other}))
    return "\n".join(parts)


def hsts(settings: Settings, identity: str) -> str:
    """The line that says it to browsers."""
    if not settings.tls or not settings.tls.hsts:
        return ""
    return f"add_header Strict-Transport-Security ${identity}_hsts always;"
