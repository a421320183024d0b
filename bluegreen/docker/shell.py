"""The one connector to Docker's command line: a shell kept open in a container, and facts.

Everything that is done in the edge goes through one `docker exec`, so that a step takes some
milliseconds, works the same with a remote daemon (DOCKER_HOST, ssh://), and opens no port.

The shell also is the switch's dead man's handle: when the process at this end dies, however it
dies, the shell reads end-of-file and its EXIT trap runs inside the edge.
"""

import contextlib
import itertools
import os
import select
import subprocess
import time
from dataclasses import dataclass
from typing import NoReturn, Self

from bluegreen.config.settings import Docker
from bluegreen.errors import CommandFailed, EdgeUnreachable

NO_DOCKER = (
    "there is no `docker` command here; nothing was changed. Next: install Docker's "
    "command line (the daemon may be elsewhere: DOCKER_HOST or docker:host)."
)


def command(docker: Docker, *words: str) -> list[str]:
    """The docker command line for this daemon."""
    where: list[str] = []
    if docker.context:
        where = ["--context", docker.context]
    elif docker.host:
        where = ["--host", docker.host]
    return ["docker", *where, *words]


def environment(docker: Docker) -> dict[str, str]:
    """The environment for it: TLS material goes by environment, as Docker's own tools do."""
    tls = {"DOCKER_CERT_PATH": docker.cert_path, "DOCKER_TLS_VERIFY": "1"}
    return dict(os.environ) | (tls if docker.cert_path else {})


def ask(
    docker: Docker,
    *words: str,
    timeout: float = 20,
    given: str | None = None,
    errors: str = "replace",
) -> subprocess.CompletedProcess[str]:
    """Run one docker command, with this on its standard input; its exit code is the caller's.

    `errors` says what becomes of output that is no UTF-8 (see codecs).
    """
    try:
        return subprocess.run(
            command(docker, *words),
            env=environment(docker),
            stdin=subprocess.DEVNULL if given is None else None,
            input=given,
            capture_output=True,
            text=True,
            errors=errors,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise EdgeUnreachable(NO_DOCKER) from None
    except subprocess.TimeoutExpired:
        raise EdgeUnreachable(
            f"`docker {' '.join(words)}` timed out after {timeout:g} s; whether Docker did it is "
            "not known"
        ) from None


@dataclass(frozen=True)
class Done:
    """A finished command: exit code, and standard output and error together."""

    code: int
    output: bytes

    @property
    def text(self) -> str:
        """The output as text, without the white space around it."""
        return self.output.decode(errors="replace").strip()


class Shell:
    """A POSIX shell in a running container, for as long as the `with` block lasts."""

    def __init__(self, container: str, docker: Docker | None = None) -> None:
        """Open the shell. Every failure to talk to it raises EdgeUnreachable."""
        self.container = container
        docker = docker or Docker()
        self._marks = itertools.count()
        try:
            self._process = subprocess.Popen(
                command(docker, "exec", "-i", container, "sh"),
                env=environment(docker),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise EdgeUnreachable(NO_DOCKER) from None

    def run(self, script: str, timeout: float = 20) -> Done:
        """Run a script in the shell itself (so `trap` and variables last) and wait for it."""
        assert self._process.stdin
        assert self._process.stdout
        mark = f"--done-{os.getpid()}-{next(self._marks)}--"
        try:
            self._process.stdin.write(
                f"{{ {script}\n}} 2>&1 </dev/null; printf '%s %d\\n' {mark} $?\n".encode()
            )
            self._process.stdin.flush()
            output, code = self._read_until(mark.encode(), time.monotonic() + timeout)
        except BrokenPipeError:
            self._lost()
        return Done(code=code, output=output)

    def check(self, script: str, timeout: float = 20) -> str:
        """Run a script that has no reason to fail; return its output, or raise CommandFailed."""
        done = self.run(script, timeout)
        if done.code:
            raise CommandFailed(
                f"`{script.splitlines()[0].removeprefix('# ')}` in {self.container} exited with "
                f"{done.code}: {done.text}"
            )
        return done.text

    def write(self, path: str, text: str) -> None:
        """Write a text file, whole or not at all as far as readers of the path can see."""
        end = f"END-{os.getpid()}-{next(self._marks)}"
        body = text if text.endswith("\n") else text + "\n"
        self.check(f"cat > {path}.part <<'{end}' && mv {path}.part {path}\n{body}{end}\n")

    def _read_until(self, mark: bytes, deadline: float) -> tuple[bytes, int]:
        assert self._process.stdout
        received = b""
        while True:
            start = received.rfind(mark)
            # What a process in the background says after the mark is nobody's answer.
            code, ended, _late = received[start + len(mark) :].partition(b"\n")
            if start >= 0 and ended:
                return received[:start], int(code)
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self._process.stdout], [], [], remaining)[0]:
                # Its late answer would be taken for the next one's: this shell is of no more
                # use, and its end lets the edge go back by itself if it is to.
                self._process.kill()
                raise EdgeUnreachable(
                    f"{self.container} gave no answer in time; last seen: {received[-200:]!r}"
                )
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                self._lost()
            received += chunk

    def _lost(self) -> NoReturn:
        self._process.wait()
        assert self._process.stderr
        said = self._process.stderr.read().decode(errors="replace").strip()
        raise EdgeUnreachable(
            f"the shell in container {self.container} ended: "
            f"{said or f'exit code {self._process.returncode}'}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
