"""WebSockets (RFC 6455), the server's side: handshake, frames, and the live channel."""

import asyncio
import base64
import hashlib
import json
import struct
from contextlib import suppress

from .errors import BadRequest
from .http11 import Request

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGE_LIMIT = 1024 * 1024
TICK_SECONDS = 1.0
CLOSE_SECONDS = 1.0
"""How long a close waits for the client's answer to it."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_BIG = 1000, 1001, 1002, 1009


class Closed(Exception):
    """The conversation is over; carries the code that our close frame is to say."""

    def __init__(self, code: int, reason: str = "") -> None:
        """Keep code and reason for the close frame."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


def handshake(request: Request, extra: str) -> bytes:
    """Return the answer that turns the connection into a WebSocket, or refuse the request."""
    key = request.header("sec-websocket-key")
    if (
        request.method != "GET"
        or request.header("upgrade").lower() != "websocket"
        or "upgrade" not in request.header("connection").lower()
        or request.header("sec-websocket-version") != "13"
        or not key
    ):
        # What a proxy that forwards no Upgrade header makes of a WebSocket.
        raise BadRequest(400, "not a WebSocket handshake: is the Upgrade header forwarded?")
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1") + GUID).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    ).encode("latin-1")


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole message as a frame from the server, which masks nothing."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
    return head + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[bool, int, bytes]:
    """Read one frame from a client: whether it ends its message, its opcode, its payload."""
    first, second = await reader.readexactly(2)
    if first & 0x70 or not second & 0x80:
        raise Closed(PROTOCOL_ERROR, "reserved bits, or not masked")
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > MESSAGE_LIMIT:
        raise Closed(TOO_BIG, "message too big")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    # As one big number: a loop over bytes is some hundred times slower.
    repeated = (mask * (length // 4 + 1))[:length]
    plain = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return bool(first & 0x80), first & 0x0F, plain.to_bytes(length, "big")


class Live:
    """The live channel of one client: a greeting, a tick each second, and an echo."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        greeting: dict[str, object],
        stopping: asyncio.Event,
    ) -> None:
        """Talk over a connection whose handshake is done, until ``stopping`` is set."""
        self._reader = reader
        self._writer = writer
        self._greeting = greeting
        self._stopping = stopping
        self._close_sent = False

    async def run(self) -> None:
        """Serve until the client closes, vanishes, or the process stops."""
        ticking = asyncio.create_task(self._tick())
        try:
            await self._converse()
        except Closed as closed:
            self._send_close(closed.code, closed.reason)
            with suppress(ConnectionError):
                await self._writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went without a word
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        self._send_json({**self._greeting, "type": "hello"})
        number = 0
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stopping.wait()
                break
            number += 1
            self._send_json({**self._greeting, "type": "tick", "number": number})
        self._send_close(GOING_AWAY, "shutdown")
        # The client's answer ends the conversation; one that never comes must not hold us up.
        await asyncio.sleep(CLOSE_SECONDS)
        self._writer.close()

    async def _converse(self) -> None:
        message_opcode, parts = 0, bytearray()
        while True:
            last, opcode, payload = await read_frame(self._reader)
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else NORMAL
                raise Closed(code)
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode == PONG:
                continue
            elif opcode in ((CONTINUATION,) if message_opcode else (TEXT, BINARY)):
                message_opcode = message_opcode or opcode
                parts += payload
                if len(parts) > MESSAGE_LIMIT:
                    raise Closed(TOO_BIG, "message too big")
                if last:
                    self._send(message_opcode, bytes(parts))
                    message_opcode, parts = 0, bytearray()
            else:
                raise Closed(PROTOCOL_ERROR, "unexpected frame")
            await self._writer.drain()

    def _send_json(self, message: dict[str, object]) -> None:
        self._send(TEXT, json.dumps(message).encode())

    def _send_close(self, code: int, reason: str) -> None:
        self._send(CLOSE, struct.pack("!H", code) + reason.encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        # Nothing may follow a close frame, an echo or a tick on its way neither.
        if not self._close_sent:
            self._close_sent = opcode == CLOSE
            self._writer.write(frame(opcode, payload))
