"""What all dynamic providers of this project share: how they fail, and when they end."""

import os
import re
import socket
import sys
import threading
import time
import traceback
from typing import Any

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from bluegreen.errors import BluegreenError

ENGINE_PULSE = 2.0  # seconds


class Provider(ResourceProvider):
    """Tells errors in plain words, and ends with its engine."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002 (the SDK's signature)
        """Set up the process that the provider runs in."""
        _tell_errors_plainly()
        if sys.argv[1:] and re.fullmatch(r"[\d.]+:\d+", sys.argv[1]):
            _end_with_the_engine(sys.argv[1])


def _tell_errors_plainly() -> None:
    # pulumi.dynamic hands traceback.format_exc() to the engine (SDK 3.272); for the errors that
    # are meant for users the message alone says more. Runs in the provider's process only.
    original = traceback.format_exc

    def format_exc(*args: Any, **kwargs: Any) -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, BluegreenError) else original(*args, **kwargs)

    traceback.format_exc = format_exc


def _end_with_the_engine(address: str) -> None:
    # An engine that is killed leaves this process behind for good (CLI 3.259).
    def watch() -> None:
        while _listens(address):
            time.sleep(ENGINE_PULSE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=ENGINE_PULSE).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True  # nobody knows
    return True
