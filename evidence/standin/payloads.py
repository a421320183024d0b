"""Bodies and headers that are the same every time, so that what arrives can be checked."""

import asyncio
import base64
import functools
import hashlib
from collections.abc import AsyncIterator, Iterator

CHUNK = 64 * 1024
_FILLER = hashlib.shake_256(b"stand-in").digest(CHUNK - 8)
_COOKIE_SIZE = 4000


def chunks(length: int) -> Iterator[bytes]:
    """Yield a download's content; each chunk bears its number, so that none can be mixed up."""
    for number in range(-(-length // CHUNK)):
        chunk = number.to_bytes(8, "big") + _FILLER
        yield chunk[: length - number * CHUNK]


async def download_stream(length: int, seconds: float) -> AsyncIterator[bytes]:
    """Yield the content, spread evenly over so many seconds."""
    pause = seconds / max(1, -(-length // CHUNK))
    for chunk in chunks(length):
        yield chunk
        if pause:
            await asyncio.sleep(pause)


@functools.lru_cache(maxsize=64)
def repr_digest(length: int) -> str:
    """Return the value of a ``Repr-Digest`` header (RFC 9530) for the content."""
    digest = hashlib.sha256()
    for chunk in chunks(length):
        digest.update(chunk)
    return f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"


def sign_in_headers(size: int) -> list[tuple[str, str]]:
    """Return headers as large as those at the end of an OAuth login: a redirect with cookies."""
    headers = [("Location", "/?state=" + "s" * min(1000, size))]
    left = size - len(headers[0][1])
    while left > 0:
        value = "c" * min(_COOKIE_SIZE, left)
        # Already expired: a client that kept them would send them back, and a request's headers
        # may not be that big.
        headers.append(("Set-Cookie", f"oauth_{len(headers)}={value}; Path=/; Max-Age=0"))
        left -= _COOKIE_SIZE
    return headers
