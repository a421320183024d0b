"""The surface: which request gets which answer."""

import asyncio
import hashlib
import json
import platform
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import NAME
from .database import Database
from .errors import BadRequest, DatabaseFailed
from .faults import Behaviour
from .http11 import Request, Response, Takeover, as_json
from .log import log
from .pages import front_page
from .payloads import download_stream, repr_digest, sign_in_headers
from .settings import Settings
from .websocket import Live, handshake

SESSION_COOKIE = "grafana_session"
MOST_SECONDS = 300
MOST_MEGABYTES = 1024
MOST_RESULTS = 5000
_DEFAULT_PORTS = {"http": 80, "https": 443}

Answer = Response | Takeover


class App:
    """All routes, over one database."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        behaviour: Behaviour,
        stopping: asyncio.Event,
    ) -> None:
        """Prepare what is the same for every request."""
        self._settings = settings
        self._database = database
        self._behaviour = behaviour
        self._stopping = stopping
        self._page = front_page(settings)
        version = "" if settings.hide_version else f" {settings.reported_version}"
        self.signature = f"X-Stand-In: {NAME}{version}\r\n"
        """Goes into the head of every answer."""
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("GET", "/"): self._front,
            ("POST", "/login"): self._login,
            ("GET", "/api/user"): self._user,
            ("POST", "/api/dashboards/db"): self._save,
            ("GET", "/api/search"): self._search,
            ("GET", "/api/live/ws"): self._live,
            ("GET", "/slow"): self._slow,
            ("GET", "/download"): self._download,
            ("GET", "/big-header"): self._big_header,
            ("POST", "/echo"): self._echo,
            ("GET", "/whoami"): self._whoami,
        }

    async def answer(self, request: Request) -> Answer:
        """Answer one request, whatever happens to it."""
        try:
            method = "GET" if request.method == "HEAD" else request.method
            if request.path == "/api/health":
                return await self._health()
            if self._behaviour.request_fails(time.monotonic()):
                if self._behaviour.faults.hangs:
                    await self._stopping.wait()
                return as_json({"message": "the stand-in fails because it was told to"}, 500)
            if method not in ("GET", "OPTIONS") and not _same_origin(request):
                return Response(403, b"origin not allowed\n")
            if handler := self._routes.get((method, request.path)):
                return await handler(request)
            if method == "GET" and request.path.startswith("/api/dashboards/uid/"):
                return await self._dashboard(request)
            return as_json({"message": "Not found"}, 404)
        except BadRequest as error:
            return as_json({"message": str(error)}, error.status)
        except DatabaseFailed as error:
            log("request failed", level="error", path=request.path, error=error)
            return as_json({"message": f"database: {error}"}, 500)

    async def _health(self) -> Response:
        faults = self._behaviour.faults
        if faults.health == "hang":
            await self._stopping.wait()
        await asyncio.sleep(faults.health_delay)
        failing = self._behaviour.health_fails(time.monotonic())
        failing = failing or not await self._database.is_alive()
        verdict = {"database": "failing" if failing else "ok"}
        if not self._settings.hide_version:
            version = self._settings.reported_version
            verdict["version"] = version
            verdict["commit"] = hashlib.sha256(version.encode()).hexdigest()[:10]
        return as_json(dict(sorted(verdict.items())), 503 if failing else 200)

    async def _front(self, _: Request) -> Response:
        return Response(200, self._page, "text/html; charset=utf-8")

    async def _login(self, request: Request) -> Response:
        by_form = "form-urlencoded" in request.header("content-type")
        if by_form:
            form = parse_qs(request.body.decode("utf-8", "replace"))
            given = {name: values[-1] for name, values in form.items()}
        else:
            given = _json_object(request)
        settings = self._settings
        user = str(given.get("user", ""))
        if (user, given.get("password")) != (settings.admin_user, settings.admin_password):
            return as_json({"message": "Invalid username or password"}, 401)
        token = await self._database.open_session(user, settings.secret_key)
        cookie = ("Set-Cookie", f"{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax")
        if by_form:
            return Response(302, headers=[("Location", "/"), cookie])
        return as_json({"message": "Logged in", "redirectUrl": "/"}, headers=[cookie])

    async def _user(self, request: Request) -> Response:
        token = request.cookie(SESSION_COOKIE)
        login = token and await self._database.session_login(token, self._settings.secret_key)
        if not login:
            return as_json({"message": "Unauthorized"}, 401)
        return as_json({"login": login, "isGrafanaAdmin": True})

    async def _save(self, request: Request) -> Response:
        given = _json_object(request)
        dashboard = given.get("dashboard", given)
        if not isinstance(dashboard, dict) or not dashboard.get("uid"):
            raise BadRequest(400, "a dashboard needs a uid")
        uid = str(dashboard["uid"])
        client_id = str(given.get("client_id") or dashboard.get("client_id") or uid)
        version, writes = await self._database.save(uid, client_id, dashboard)
        return as_json(
            {
                "status": "success",
                "uid": uid,
                "version": version,
                "client_id": client_id,
                "writes": writes,
            }
        )

    async def _search(self, request: Request) -> Response:
        limit = int(request.number("limit", 1000, MOST_RESULTS))
        page = int(request.number("page", 1, 1_000_000))
        return as_json(await self._database.search(request.query("query"), limit, max(page, 1)))

    async def _dashboard(self, request: Request) -> Response:
        found = await self._database.dashboard(request.path.rpartition("/")[2])
        if not found:
            return as_json({"message": "Dashboard not found"}, 404)
        dashboard, version, writes = found
        return as_json(
            {
                "dashboard": {**dashboard, "version": version},
                "meta": {"writes": sum(writes.values()), "writes_by_client_id": writes},
            }
        )

    async def _live(self, request: Request) -> Answer:
        if not _same_origin(request):
            return Response(403, b"origin not allowed\n")
        upgrade = handshake(request, self.signature)
        greeting: dict[str, object] = {
            "stand_in": NAME,
            "version": self._settings.reported_version,
            "color": self._settings.color,
        }

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(upgrade)
            await Live(reader, writer, greeting, self._stopping).run()

        return Takeover(talk)

    async def _slow(self, request: Request) -> Response:
        seconds = request.number("seconds", 1, MOST_SECONDS)
        await asyncio.sleep(seconds)
        return as_json({"waited": seconds, "version": self._settings.reported_version})

    async def _download(self, request: Request) -> Response:
        length = int(request.number("megabytes", 1, MOST_MEGABYTES) * 1024 * 1024)
        seconds = request.number("seconds", 0, MOST_SECONDS)
        digest = await asyncio.to_thread(repr_digest, length)
        return Response(
            content_type="application/octet-stream",
            headers=[("Repr-Digest", digest)],
            stream=download_stream(length, seconds),
            stream_length=length,
        )

    async def _big_header(self, request: Request) -> Response:
        size = int(request.number("kb", 32, 200) * 1024)
        return Response(302, headers=sign_in_headers(size))

    async def _echo(self, request: Request) -> Response:
        digest = hashlib.sha256(request.body).hexdigest()
        return as_json({"sha256": digest, "length": len(request.body)})

    async def _whoami(self, request: Request) -> Response:
        headers: dict[str, str] = {}
        for name, value in request.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return as_json(
            {
                "stand_in": NAME,
                "version": self._settings.reported_version,
                "color": self._settings.color,
                "hostname": platform.node(),
                "remote_address": request.remote,
                "method": request.method,
                "headers": headers,
            }
        )


def _same_origin(request: Request) -> bool:
    """Tell whether a browser's page may do this: its host and port must be the ones asked for.

    Grafana compares ports for its live channel only. Here they count for writes too, so that a
    proxy that loses the port on the way is found out.
    """
    given = request.header("origin")
    if not given:
        return True
    try:
        origin, host = urlsplit(given), urlsplit("//" + request.header("host"))
        default = _DEFAULT_PORTS.get(origin.scheme)
        ports = (origin.port or default, host.port or default)
    except ValueError:
        return False
    return bool(origin.hostname) and origin.hostname == host.hostname and ports[0] == ports[1]


def _json_object(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(request.body)
    except ValueError as error:
        raise BadRequest(400, f"bad request data: {error}") from error
    if not isinstance(given, dict):
        raise BadRequest(400, "bad request data: not a JSON object")
    return given
