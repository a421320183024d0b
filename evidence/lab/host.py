"""What an experiment needs of this machine: commands that are run, and free ports."""

import errno
import ipaddress
import random
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Below the ports from which the system takes those of outgoing connections: under load, one of
# them would be taken between the question and the use of the answer.
PORTS = range(15000, 32000)


class LabFailed(Exception):
    """A part of the experiment itself did not work; the message says what was seen."""


@dataclass(frozen=True)
class Finished:
    """A finished command: exit code, and standard output and error together."""

    code: int
    output: str


def finish(command: Sequence[str] | str, **how: Any) -> Finished:
    """Run a command, a shell's if it is one text, and wait; `how` is for subprocess.run."""
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **how,
    )
    return Finished(done.returncode, done.stdout)


def must(*command: str) -> str:
    """Run a command that must succeed; return what it put out."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabFailed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def docker(*words: str) -> str:
    """Run a docker command that must succeed; return what it put out."""
    return must("docker", *words)


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


def bridge_address(run: Callable[..., str] | None = None) -> str:
    """The host's own address on Docker's usual bridge; a new daemon tells its subnet alone."""
    shape = "{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}"
    subnet, *gateway = (run or docker)("network", "inspect", "bridge", "-f", shape).split()
    return gateway[0] if gateway else str(next(ipaddress.ip_network(subnet).hosts()))
