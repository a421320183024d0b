"""The kind of client that stays: a WebSocket that is opened again only when it was closed."""

import asyncio
import contextlib
import time

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .fates import OTHER, REFUSED, RESET, TIMED_OUT, Failure, Ledger, status
from .plan import Plan, Target
from .wire import ADDRESS

PING_SECONDS = 5.0
"""How often, and how long to wait for the answer: a connection that went silent is found so."""
REOPEN_SECONDS = 0.1


async def websocket(target: Target, plan: Plan, ledger: Ledger, stop: asyncio.Event) -> None:
    """Keep a WebSocket open; enter each that was closed on us."""
    while not stop.is_set():
        begun = time.monotonic()
        try:
            connection = await _opened(target, plan)
        except Failure as failure:
            ledger.failed("websocket", failure)
        else:
            headers = connection.response.headers if connection.response else {}
            served_by = headers.get(target.color_header)
            ledger.color_seen("websocket", served_by)
            ledger.answered("websocket", time.monotonic() - begun)
            ledger.websocket_opened(served_by, begun)
            await _stay(connection, served_by, ledger, stop)
        if not stop.is_set():
            await asyncio.sleep(REOPEN_SECONDS)


async def _opened(target: Target, plan: Plan) -> ClientConnection:
    try:
        return await connect(
            f"ws://{target.host}{target.websocket_path}",
            host=ADDRESS,
            port=target.port,
            open_timeout=plan.timeout,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=1.0,
            compression=None,
            # A proxy from the environment would lead away from this machine.
            proxy=None,
        )
    except InvalidStatus as error:
        raise Failure(status(error.response.status_code), "instead of a WebSocket") from error
    except ConnectionRefusedError as error:
        raise Failure(REFUSED, "connection refused") from error
    except TimeoutError as error:
        raise Failure(TIMED_OUT, f"no WebSocket after {plan.timeout:g} s") from error
    except (ConnectionError, EOFError) as error:
        raise Failure(RESET, f"{error} in the handshake") from error
    except InvalidHandshake as error:
        # The library's word for a connection that ended before its answer is one of these too.
        cause = RESET if isinstance(error.__cause__, EOFError) else OTHER
        raise Failure(cause, f"{error} in the handshake") from error
    except OSError as error:
        raise Failure(OTHER, str(error)) from error


async def _stay(
    connection: ClientConnection, served_by: str | None, ledger: Ledger, stop: asyncio.Event
) -> None:
    opened_at = time.monotonic()
    listening = asyncio.create_task(_listen(connection))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((listening, stopping), return_when=asyncio.FIRST_COMPLETED)
    # Both may be done at once: what was closed on us before we left counts.
    if listening.done():
        ledger.websocket_closed(opened_at, listening.result(), served_by)
    for task in (listening, stopping):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await connection.close()


async def _listen(connection: ClientConnection) -> str:
    """Take what comes until the connection is closed; return how."""
    while True:
        try:
            await connection.recv()
        except ConnectionClosed as closed:
            return str(closed)
