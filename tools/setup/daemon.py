"""A Docker daemon that answers: the machine's own if it has one, else one that is started here."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tools.setup.commands import tail
from tools.setup.errors import Missing, ToolchainError
from tools.setup.machine import Machine, Stopwatch

START_SECONDS = 60.0
POLL_SECONDS = 0.05
PID_FILES = {
    "dockerd": Path("/var/run/docker.pid"),
    "containerd": Path("/var/run/docker/containerd/containerd.pid"),
}
NO_COMMAND = "there is no `docker` command on this machine"
IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def ensure_docker(machine: Machine) -> bool:
    """Leave a daemon that answers alone; True if one had to be started."""
    answers, answer = ask_daemon(machine)
    if answers:
        return False
    elsewhere = machine.environ.get("DOCKER_HOST") or machine.environ.get("DOCKER_CONTEXT")
    if elsewhere:
        raise Missing(f"The Docker daemon at {elsewhere} does not answer: {answer}")

    took = Stopwatch()
    if os.geteuid() != 0:
        raise Missing(
            f"Docker does not answer: {answer}. Install it if it is missing, start it, "
            "make sure that your user may use it (on Linux: is in the group `docker`), and run "
            "this again."
        )
    if machine.find("dockerd") is None or machine.find("docker") is None:
        machine.debian.require(["docker.io", "iptables"], "Docker")
        if machine.find("docker") is None:
            # Since Debian 13 the daemon's package does not bring it.
            machine.debian.require(["docker-cli"], "Docker's command line")
        answers, answer = ask_daemon(machine)
        if answers:  # the command was missing, not the daemon; or installing it has started it
            machine.report.say(f"docker: installed; daemon {answer} answers, {took}")
            return True
    if machine.find("docker") is None:
        raise Missing(f"Docker is installed, but {NO_COMMAND}. Install it and run this again.")
    process = None
    if Path("/run/systemd/system").is_dir():
        machine.commands.run(["systemctl", "start", "docker"], "systemctl-docker")
        how = "started by systemd"
    else:
        process = start_daemon(machine)
        how = "started directly, because there is no service manager"
    version = wait_for_daemon(machine, process)
    machine.report.say(f"docker: daemon {version} {how}, {took}")
    return True


def ask_daemon(machine: Machine) -> tuple[bool, str]:
    """The version of the daemon that the docker command leads to, or why there is none."""
    if machine.find("docker") is None:
        return False, NO_COMMAND
    return machine.commands.ask(["docker", "version", "--format", "{{.Server.Version}}"])


def start_daemon(machine: Machine) -> subprocess.Popen[bytes] | None:
    """Start dockerd so that it outlives this process, unless one is on its way up already."""
    # A containerd that has outlived its daemon is no obstacle: the next daemon takes it over.
    alive = {name: runs(name, pid_file) for name, pid_file in PID_FILES.items()}
    if alive["dockerd"]:
        return None
    dockerd = machine.find("dockerd")
    if dockerd is None:
        raise Missing("There is no `dockerd` on this machine. Install Docker and run this again.")
    machine.places.logs.mkdir(parents=True, exist_ok=True)
    with daemon_log(machine).open("ab") as log:
        return subprocess.Popen(
            [dockerd],
            env=machine.commands.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def runs(name: str, pid_file: Path) -> bool:
    """Whether the process that wrote a pid file lives; removes a file that is left over.

    After a restart of the machine the number may belong to another process, and the daemon takes
    that one for itself and refuses to start.
    """
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return False
    try:
        alive = Path(f"/proc/{pid}/comm").read_text().strip() == name
    except OSError:
        alive = False
    if not alive:
        pid_file.unlink(missing_ok=True)
    return alive


def wait_for_daemon(machine: Machine, process: subprocess.Popen[bytes] | None) -> str:
    """Wait until the daemon answers, unless its process, if it is ours, ends; its version."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        answers, answer = ask_daemon(machine)
        if answers:
            break
        ended = process.poll() if process else None
        if ended is not None or time.monotonic() > deadline:
            how = f"within {START_SECONDS:.0f} s" if ended is None else f"but ended with {ended}"
            log = daemon_log(machine)
            raise ToolchainError(
                f"The Docker daemon did not answer {how}: {answer}\nThe end of {log}:\n{tail(log)}"
            )
        time.sleep(POLL_SECONDS)
    if IP_FORWARD.exists() and IP_FORWARD.read_text().strip() == "0" and os.geteuid() == 0:
        # Without it, published ports lead nowhere; the daemon sets it only if it may.
        IP_FORWARD.write_text("1")
    return answer


def daemon_log(machine: Machine) -> Path:
    """Where a daemon started here writes."""
    return machine.places.logs / "dockerd.log"
