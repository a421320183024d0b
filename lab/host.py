"""What an experiment needs of this machine: docker commands and free ports."""

import socket
import subprocess


class LabFailed(Exception):
    """A part of the experiment itself did not work; the message says what was seen."""


def docker(*words: str) -> str:
    """Run a docker command that must succeed; return what it said."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabFailed(f"docker {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
