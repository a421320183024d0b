"""The process's life: boot, serve, stop."""

import asyncio
import contextlib
import os
import signal
import sys
import time

from . import NAME
from .app import App
from .database import Database, open_database
from .errors import BadRequest, StandInError, StartupError
from .faults import Behaviour, crash_after
from .http11 import HEAD_LIMIT, Response, Takeover, as_json, read_request
from .log import log
from .settings import Settings, load_settings

BACKLOG = 1024
END_OF_HEAD = b"\r\n\r\n"


def main() -> None:
    """Run until told to stop; exit code 1 with a reason if it cannot start."""
    # As process 1 of a container it would ignore the signal unless it handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings, database = boot_unless_stopped()
        asyncio.run(Server(settings, database).run())
    except StandInError as error:
        log(str(error), level="fatal", exit_code=1)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def boot_unless_stopped() -> tuple[Settings, Database]:
    """Boot; a signal to stop is told in the log."""
    try:
        return boot()
    except SystemExit:
        # A migration under way is rolled back with its connection. Told here and not by the
        # signal's handler, which may have come in the middle of another line of the log.
        log("stopped while booting")
        raise


def boot() -> tuple[Settings, Database]:
    """Read the settings and migrate the database, as Grafana does before it opens its port."""
    log(f"this is a {NAME}, not Grafana", version=os.environ.get("GRAFANA_VERSION", "unknown"))
    settings = load_settings(os.environ)
    log("starting", color=settings.color or "unknown", data=settings.data, motto=settings.motto)
    faults = settings.faults
    if faults.exit_after is not None:
        crash_after(faults.exit_after)
    time.sleep(faults.boot_seconds)
    return settings, open_database(settings)


class Server:
    """Accepts connections and carries each one's requests to the app."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Nothing is opened before ``run``."""
        self._settings = settings
        self._database = database
        self._stopping = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._idle: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def run(self) -> None:
        """Serve from here until SIGTERM, then leave in order."""
        server = await self.startup()
        await self._stopping.wait()
        await self.shutdown(server)

    async def startup(self) -> asyncio.Server:
        """Open the port."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        behaviour = Behaviour(self._settings.faults, time.monotonic())
        self._app = App(self._settings, self._database, behaviour, self._stopping)
        wanted = f"{self._settings.address}:{self._settings.port}"
        try:
            server = await asyncio.start_server(
                self._serve,
                self._settings.address,
                self._settings.port,
                limit=HEAD_LIMIT,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise StartupError(f"cannot listen on {wanted}: {error}") from error
        address, port = server.sockets[0].getsockname()[:2]
        log("listening", address=address, port=port, version=self._settings.reported_version)
        return server

    async def shutdown(self, server: asyncio.Server) -> None:
        """Keep the promise of a stop: no new connection, requests in flight are finished."""
        limit = self._settings.faults.shutdown_seconds
        # 1. Nobody new, neither by a new connection nor on one that waits for its next request.
        server.close()
        log("stopping", in_flight=len(self._busy), idle=len(self._idle))
        for writer in self._idle.values():
            writer.close()
        # 2. Whoever is being served is served to the end, but not for ever.
        if tasks := {*self._busy, *self._idle}:
            _, late = await asyncio.wait(tasks, timeout=limit)
            for task in late:
                task.cancel()
            if late:
                log("requests cut off", level="error", count=len(late), after_seconds=limit)
                await asyncio.wait(late)
        # 3. What was written is on disk before the exit code says so.
        self._database.close()
        log("stopped")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        remote = str(writer.get_extra_info("peername", ("",))[0])
        try:
            keep_alive = True
            while keep_alive and not self._stopping.is_set():
                self._idle[task] = writer
                head = await reader.readuntil(END_OF_HEAD)
                del self._idle[task]
                self._busy.add(task)
                keep_alive = await self._serve_request(reader, writer, remote, head)
                self._busy.discard(task)
        except asyncio.LimitOverrunError:
            writer.write(Response(431, b"headers too large\n").head("", keep_alive=False))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went, which is its right
        finally:
            self._idle.pop(task, None)
            self._busy.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: str, head: bytes
    ) -> bool:
        """Answer one request; tell whether the connection may carry another."""
        keep_alive, with_body = False, True
        try:
            request = await read_request(reader, writer, remote, head)
            keep_alive, with_body = request.keep_alive, request.method != "HEAD"
            answer = await self._app.answer(request)
        except BadRequest as error:
            answer = as_json({"message": str(error)}, error.status)
        if isinstance(answer, Takeover):
            await answer.run(reader, writer)
            return False
        keep_alive = keep_alive and not self._stopping.is_set()
        answer_head = answer.head(self._app.signature, keep_alive=keep_alive)
        writer.write(answer_head + answer.body if with_body else answer_head)
        if answer.stream is not None and with_body:
            async for chunk in answer.stream:
                writer.write(chunk)
                await writer.drain()
        await writer.drain()
        return keep_alive
