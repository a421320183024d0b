"""Sees the moment a color's first answer comes, without making any load worth the name."""

import http.client
import threading
import time
from typing import Self
from urllib.parse import urlsplit

PAUSE = 0.005


class Watcher:
    """Asks on a fresh connection, again and again, which color answers."""

    def __init__(self, url: str) -> None:
        """Take the service's URL."""
        self._host = urlsplit(url).netloc
        self._first: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def first_answer(self, color: str) -> float:
        """When this color first answered, on time.monotonic's clock."""
        return self._first[color]

    def colors(self) -> set[str]:
        """The colors that have answered."""
        return set(self._first)

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            connection = http.client.HTTPConnection(self._host, timeout=2)
            try:
                connection.request("GET", "/")
                served_by = connection.getresponse().getheader("X-Served-By") or ""
                self._first.setdefault(served_by.partition(" ")[0], time.monotonic())
            except (OSError, http.client.HTTPException):
                continue  # what fails is the load's to count
            finally:
                connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
