"""A writer that remembers when each write was sent, and when it was acknowledged."""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Self

import httpx

from evidence.load.writes import count_by_search

PAUSE = 0.02
WAIT = 0.2  # after a 503


@dataclass(frozen=True)
class Write:
    """One acknowledged write: who acknowledged it, and when, in seconds since 1970."""

    uid: str
    color: str
    sent: float
    acknowledged: float


class Writer:
    """Writes one dashboard after the other through the edge, as long as the block lasts."""

    def __init__(self, url: str) -> None:
        """Nothing is written yet."""
        self._url, self._prefix = url, f"proof-{uuid.uuid4().hex[:8]}-"
        self.writes: list[Write] = []
        self.held = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as client:
            while not self._stop.is_set():
                number += 1
                uid = f"{self._prefix}{number:06d}"
                sent = time.time()
                try:
                    answer = client.post("/api/dashboards/db", json={"dashboard": {"uid": uid}})
                except httpx.TransportError as error:
                    self.failures.append(f"{uid}: {error!r}")
                    continue
                if answer.status_code == 200:
                    color = answer.headers["x-served-by"].split()[0]
                    self.writes.append(Write(uid, color, sent, time.time()))
                elif answer.status_code == 503 and "retry-after" in answer.headers:
                    self.held += 1
                    self._stop.wait(WAIT)
                else:
                    self.failures.append(f"{uid}: {answer.status_code} {answer.text[:80]}")
                self._stop.wait(PAUSE)

    def found(self) -> dict[str, int]:
        """The writes that are there now, with how often each is."""
        return count_by_search(self._url, self._prefix)

    def wait_for(self, more: int, seconds: float = 30) -> None:
        """Return when so many more writes have been acknowledged."""
        wanted, deadline = len(self.writes) + more, time.monotonic() + seconds
        while len(self.writes) < wanted and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
