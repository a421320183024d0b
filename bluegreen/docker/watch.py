"""News of a container's end, as an event: `docker wait` says so the moment it happens."""

import subprocess
import threading
import time
from datetime import datetime
from typing import Self

from bluegreen.config.settings import Docker
from bluegreen.docker.shell import ask, command, environment

LOG_LINES = 12
EVENTS_SECONDS = 300
# Seconds. A container that crashes as it starts does not run for as long as SETTLED; one that
# is older than NEW was made by an update before this one.
SETTLED, NEW, SETTLE_TIMEOUT, POLL = 2.0, 3.0, 10.0, 0.1


class Watch:
    """Sets `died` as soon as the container exits or restarts, while the `with` block lasts."""

    def __init__(self, container: str, docker: Docker | None = None, *, fresh: bool) -> None:
        """Watch the container.

        Args:
            container: its name.
            docker: which daemon.
            fresh: it was created for this release, so that a restart is a failure, unless it
                has run since; one that has stood by for long may have restarted long ago.
        """
        self.container, self.died = container, threading.Event()
        self._docker, self._fresh = docker or Docker(), fresh
        self._process: subprocess.Popen[str] | None = None
        self._closing = False

    def __enter__(self) -> Self:
        self._settle()
        self._process = subprocess.Popen(
            command(self._docker, "wait", self.container),
            env=environment(self._docker),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._await_end, daemon=True).start()
        # Asked after the wait has begun, so that no end is missed between the two.
        if self._broken():
            self.died.set()
        return self

    def _await_end(self) -> None:
        assert self._process
        self._process.wait()
        # With a daemon out of reach `wait` ends too; the container is then asked itself.
        if not self._closing:
            self.died.set()

    def _state(self) -> list[str]:
        shape = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.State.OOMKilled}}"
        return ask(self._docker, "inspect", "-f", shape, self.container).stdout.split()

    def _broken(self) -> bool:
        state = self._state()
        if len(state) != 4 or state[0] != "running":
            return True
        return self._fresh and state[2] != "0" and self._ran_for() < SETTLED

    def _settle(self) -> None:
        """Let one that an update before this one made come up: what ailed it may be mended."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while self._fresh and self._unsettled() and time.monotonic() < deadline:
            time.sleep(POLL)

    def _unsettled(self) -> bool:
        state = self._state()
        if len(state) != 4 or state[2] == "0" or self._age("{{.Created}}") < NEW:
            return False
        return state[0] == "restarting" or (state[0] == "running" and self._ran_for() < SETTLED)

    def _ran_for(self) -> float:
        return self._age("{{.State.StartedAt}}")

    def _age(self, shape: str) -> float:
        """Seconds since this moment in the container's life, by the daemon's clock."""
        moment = ask(self._docker, "inspect", "-f", shape, self.container).stdout.strip()
        now = ask(self._docker, "info", "--format", "{{.SystemTime}}").stdout.strip()
        try:
            age = datetime.fromisoformat(now) - datetime.fromisoformat(moment)
        except ValueError:
            return 0.0
        return age.total_seconds()

    def why(self) -> str:
        """How the container ended, as a phrase."""
        state = self._state()
        if len(state) != 4:
            return "its container is gone"
        status, code, restarts, oom = state
        restarted = status in ("running", "restarting") or restarts != "0"
        killed = oom == "true" or (restarted and self._ran_out_of_memory())
        cause = "was killed for using too much memory" if killed else f"exited with {code}"
        if restarted:
            return f"its container {cause if killed else 'exited'} and is being restarted"
        return f"its container {cause}"

    def _ran_out_of_memory(self) -> bool:
        """Ask the daemon's events: the container's state forgets it with the restart."""
        identity = ask(self._docker, "inspect", "-f", "{{.Id}}", self.container).stdout.strip()
        span = ("--since", f"{EVENTS_SECONDS}s", "--until", str(int(time.time()) + 1))
        wanted = ("--filter", f"container={identity}", "--filter", "event=oom")
        return bool(ask(self._docker, "events", *span, *wanted).stdout)

    def log_tail(self) -> str:
        """The last lines of the container's log, each marked as such."""
        done = ask(self._docker, "logs", "--tail", str(LOG_LINES), self.container)
        return "\n".join(f"    | {line}" for line in (done.stdout + done.stderr).splitlines())

    def __exit__(self, *_: object) -> None:
        self._closing = True
        if self._process:
            self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
