"""What an experiment needs of this machine: docker commands and free ports."""

import errno
import random
import socket
import subprocess

# Below the ports from which the system takes those of outgoing connections: under load, one of
# them would be taken between the question and the use of the answer.
PORTS = range(15000, 32000)


class LabFailed(Exception):
    """A part of the experiment itself did not work; the message says what was seen."""


def docker(*words: str) -> str:
    """Run a docker command that must succeed; return what it said."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabFailed(f"docker {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, nor anybody is likely to take soon."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        try:
            with socket.create_server(("0.0.0.0", port)):
                found.append(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return found


def pid_of(container: str) -> int:
    """A container's first process, as this host sees it."""
    return int(docker("inspect", "-f", "{{.State.Pid}}", container))
