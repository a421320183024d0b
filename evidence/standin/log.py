"""The log: one ``key=value`` line per event, on standard output."""

import json
import sys
import time

_NEEDS_QUOTES = frozenset(' "=\n\t')


def log(message: str, *, level: str = "info", **fields: object) -> None:
    """Print one event; values with spaces or quotes are quoted as JSON does it."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    parts = [f"t={stamp}.{int(now % 1 * 1000):03d}Z", f"level={level}", f"msg={_quoted(message)}"]
    parts += [f"{key}={_quoted(str(value))}" for key, value in fields.items()]
    # Flushed at once: what a crashing release said last is what its operator needs to read.
    print(" ".join(parts), file=sys.stdout, flush=True)


def _quoted(value: str) -> str:
    return json.dumps(value) if not value or _NEEDS_QUOTES & set(value) else value
