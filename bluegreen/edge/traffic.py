"""Real traffic, read from the edges' access logs while a switch is watched."""

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bluegreen.config.settings import Bake, Place
from bluegreen.docker.shell import command, environment

PUBLIC_PORT = 80


@dataclass(frozen=True)
class Count:
    """Requests answered, and those of them answered with 5xx."""

    requests: int = 0
    errors: int = 0

    @property
    def share(self) -> float:
        """The share of 5xx answers, 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0

    def exceeds(self, bake: Bake) -> bool:
        """Whether this is more 5xx than a bake allows."""
        return self.requests >= bake.min_requests and self.share > bake.max_error_share


class Traffic:
    """Counts users' requests as nginx logs them in all edges, while the `with` block lasts."""

    def __init__(self, places: Sequence[Place], generation: int, bake: Bake) -> None:
        """Count the requests of this generation; set `suffers` when the bake's limit is passed."""
        self.count, self.suffers, self.ended = Count(), threading.Event(), threading.Event()
        self._older: list[float] = []  # when a request of an older generation ended
        self._generation, self._bake = generation, bake
        self._lock = threading.Lock()
        self._logs = [
            subprocess.Popen(
                command(place.docker, "logs", "--follow", "--tail", "0", place.container),
                env=environment(place.docker),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for place in places
        ]
        self._threads = [
            threading.Thread(target=self._follow, args=(log,), daemon=True) for log in self._logs
        ]

    def cut_since(self, moment: float) -> int:
        """How many requests of older generations ended at or after this time.monotonic()."""
        return sum(1 for ended in self._older if ended >= moment)

    def _follow(self, log: "subprocess.Popen[bytes]") -> None:
        assert log.stdout
        for line in log.stdout:
            self._take(line)
        self.ended.set()

    def _take(self, line: bytes) -> None:
        if not line.startswith(b'{"time"'):
            return
        try:  # nginx logs a client's bytes as they are: they need not be UTF-8
            entry = json.loads(line.decode(errors="replace"))
            port, generation, status = entry["port"], entry["generation"], entry["status"]
        except (json.JSONDecodeError, KeyError):
            return
        if port != PUBLIC_PORT:
            return
        if generation < self._generation:
            self._older.append(time.monotonic())
        elif generation == self._generation:
            if status == 503 and entry.get("upstream") == "":
                return  # a write that nginx holds back says nothing of the target
            with self._lock:
                errors = self.count.errors + (status >= 500)
                self.count = Count(self.count.requests + 1, errors)
            if self.count.exceeds(self._bake):
                self.suffers.set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for log, thread in zip(self._logs, self._threads, strict=True):
            log.kill()
            log.wait()
            thread.join(timeout=5)
            assert log.stdout
            log.stdout.close()
