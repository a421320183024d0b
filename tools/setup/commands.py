"""Running other programs: their output goes to a log, and none outlives an interrupted set-up."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.setup.errors import CommandFailed
from tools.setup.places import real_path

TAIL_LINES = 15
PROBE_SECONDS = 20.0


class Commands:
    """Starts programs and remembers those that run."""

    def __init__(self, logs: Path, environ: Mapping[str, str]) -> None:
        self.logs = logs
        self.environ = {**environ, "PATH": real_path(environ)}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(
        self,
        args: Sequence[str | Path],
        log: str,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float | None = None,
    ) -> None:
        """Run to the end; anything but exit code 0 raises CommandFailed with the log's tail."""
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{log}.log"
        command = shlex.join(map(str, args))
        with path.open("wb") as out:
            try:
                process = self._start(args, out.fileno(), env, cwd)
            except OSError as problem:
                raise CommandFailed(command, f"did not start: {problem}", path, "") from problem
            try:
                process.communicate(stdin.encode(), timeout)
                how = f"ended with exit code {process.returncode}"
            except subprocess.TimeoutExpired:
                _kill(process)
                process.wait()
                how = f"did not end within {timeout:.0f} s"
            except KeyboardInterrupt:
                _kill(process)
                process.wait()
                raise
            finally:
                with self._lock:
                    self._running.discard(process)
        if process.returncode != 0:
            raise CommandFailed(command, how, path, tail(path))

    def ask(
        self, args: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> tuple[bool, str]:
        """Whether a quick question was answered with exit code 0, and what it printed."""
        try:
            answer = subprocess.run(
                list(map(str, args)),
                env={**self.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            return False, str(problem)
        return answer.returncode == 0, answer.stdout.strip() or answer.stderr.strip()

    def stop(self) -> None:
        """End what still runs, and whatever it started, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)

    def _start(
        self,
        args: Sequence[str | Path],
        output: int,
        env: Mapping[str, str] | None,
        cwd: Path | None,
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                list(map(str, args)),
                env={**self.environ, **(env or {})},
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: compilers and package tools have children, which go with it.
                start_new_session=True,
            )
            self._running.add(process)
            return process


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended in the meantime
        os.killpg(process.pid, signal.SIGKILL)
