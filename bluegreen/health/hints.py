"""Which key would help, where an answer tells."""

from typing import Any

import httpx

from bluegreen.config.settings import Health
from bluegreen.health.fields import paths_to
from bluegreen.health.versions import version_matches

_MARK = "; if "
_FOR_A_HOST = (400, 403, 404, 421)
# What services say to whoever speaks plain HTTP to a port for TLS.
_NOT_PLAIN = ("http request to an https", "plain http request was sent to https", "requires tls")


def on_status(response: httpx.Response, health: Health) -> str:
    """For an answer of another status."""
    if any(each in response.text.lower() for each in _NOT_PLAIN) and health.scheme == "http":
        return f"{_MARK}the service speaks https, set health.scheme: https"
    target = response.headers.get("location", "")
    if target.startswith("https://") and "x-forwarded-proto" not in {
        name.lower() for name in health.headers
    }:
        return (
            f"{_MARK}the service wants https in front of it (it redirects to {target[:80]}), set "
            'health.headers: {"X-Forwarded-Proto": "https"}'
        )
    if target:
        return f"{_MARK}its health is at {target[:80]}, set health.path"
    if response.status_code in _FOR_A_HOST and not health.host:
        return f"{_MARK}the service answers only to a host name of its own, set health.host"
    return ""


def on_version(body: Any, health: Health) -> str:
    """For an answer without the version's field."""
    found = paths_to(body, lambda value: version_matches(health.version, str(value)) is True)
    for path in found:
        return f"{path} has it: set health.version_field: {path}"
    return 'set health.version_field to "" if the service does not report its version'


def on_error(error: httpx.RequestError, health: Health) -> str:
    """For no answer at all."""
    broken = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
    if broken and health.scheme == "http":
        return f"{_MARK}the service speaks https, set health.scheme: https"
    if "certificate" in str(error).lower() and health.verify:
        return f"{_MARK}the certificate is the service's own, set health.verify: false"
    return ""


def in_words(complaint: str) -> str:
    """The hint in a complaint, for a sentence that goes on with it."""
    _, found, hint = complaint.partition(_MARK)
    return f" (if {hint})" if found else ""
