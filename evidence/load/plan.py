"""What to load and how much: where the requests go, how many clients of each kind, how long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from .errors import LoadError, NotLocal
from .writes import count_by_search

LOCAL_HOSTS = ("127.0.0.1", "localhost")
MOST_SECONDS = 3600.0
ID = "%ID%"
"""Stands in ``Target.post_body`` for the id of a write."""

WriteCounter = Callable[[str, str], Mapping[str, int]]
"""Asked for a URL and the ids' common prefix; returns how often each id was written."""

KINDS = ("fresh", "keepalive", "post", "slow", "download", "websocket")


@dataclass(frozen=True, slots=True)
class Target:
    """The service. The defaults fit the stand-in; a kind whose path is None is left out."""

    url: str
    page_path: str | None = "/"
    page_contains: str = "stand-in for Grafana"
    """What every page must have in it; empty for no such check."""
    post_path: str | None = "/api/dashboards/db"
    post_body: str = '{"dashboard": {"uid": "%ID%", "title": "%ID%"}, "client_id": "%ID%"}'
    """JSON; the answer must name the id too, so that a mixed-up answer is noticed."""
    count_writes: WriteCounter | None = count_by_search
    """How to find at the end what was written; None if there is no way."""
    slow_path: str | None = "/slow?seconds=2"
    download_path: str | None = "/download?megabytes=4&seconds=2"
    """Checked against ``Content-Length`` and, if it is sent, ``Repr-Digest``."""
    websocket_path: str | None = "/api/live/ws"
    color_header: str = "X-Served-By"
    """The answer's header whose first word is the color."""

    def __post_init__(self) -> None:
        """Refuse any URL that leads away from this machine."""
        parts = urlsplit(self.url)
        if parts.hostname not in LOCAL_HOSTS:
            raise NotLocal(
                f"{self.url!r} is not on this machine: load only goes to {' or '.join(LOCAL_HOSTS)}"
            )
        if parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
            raise LoadError(f"{self.url!r} is not of the form http://127.0.0.1:PORT")

    @property
    def port(self) -> int:
        """The port to connect to."""
        return urlsplit(self.url).port or 80

    @property
    def host(self) -> str:
        """The value for the ``Host`` header."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Plan:
    """How many clients of each kind, how fast, how long. The default makes some 900 requests/s."""

    fresh: int = 2
    """A new connection for every request."""
    keepalive: int = 8
    """One connection each, reused back to back or after pauses of up to 9 s."""
    post: int = 2
    """Writes with ids of their own, found again at the end."""
    slow: int = 1
    """Answers that take seconds."""
    download: int = 1
    """Long bodies, checked to the last byte."""
    websocket: int = 4
    """Connections that stay open."""
    pace: float = 1.0
    """Factor on the rates of fresh, back-to-back keepalive and post clients."""
    seconds: float = 600.0
    """Stops by itself after that long."""
    drain_timeout: float = 10.0
    """How long after a switch a WebSocket must have been left open."""
    timeout: float = 10.0
    """For a request's whole answer."""
    slow_timeout: float = 30.0
    """The same for slow and download."""

    def __post_init__(self) -> None:
        """Keep the load within bounds."""
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise LoadError(f"{field.name} = {getattr(self, field.name)} is negative")
        if not 0 < self.seconds <= MOST_SECONDS:
            raise LoadError(f"seconds = {self.seconds:g} is not from 0 to {MOST_SECONDS:g}")
        if not 0 < self.pace <= 100:
            raise LoadError(f"pace = {self.pace:g} is not from 0 to 100")
