"""A real OpenSSH server in each node of a cluster, and a client's side that reaches them.

Nothing is installed as a service: where there is no sshd, Debian's package is unpacked into the
cluster's folder. Keys, configuration and known hosts are the cluster's own too.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.lab.cluster import Cluster
from evidence.lab.host import must
from evidence.lab.processes import MORTAL, wait_for

USER = "root"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
SERVER = """\
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
MaxStartups 50
"""
CLIENT = """\
Host *
    User {user}
    IdentityFile {folder}/client
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
    StrictHostKeyChecking accept-new
    LogLevel ERROR
    # One connection for all that is asked of a host, as Docker's own docs advise.
    ControlMaster auto
    ControlPath {folder}/%C
    ControlPersist 20
"""


@contextmanager
def serving(cluster: Cluster, folder: Path) -> Iterator[dict[str, str]]:
    """Serve in every node; the environment for a client, whose `ssh` knows the way."""
    need_client()
    binary, libraries = find_server(folder)
    for key in ("host", "client"):
        must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    (folder / "server.conf").write_text(SERVER.format(folder=folder) + halves(binary))
    (folder / "client.conf").write_text(CLIENT.format(folder=folder, user=USER))
    passwd = folder / "passwd"  # sshd wants a user of this name, whom not every machine has
    passwd.write_text(
        Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/bin/false\n"
    )
    servers = []
    try:
        for node in cluster.nodes:
            node.space.run("mkdir", "-p", "/run/sshd")
            node.space.run("mount", "--bind", str(passwd), "/etc/passwd")
            command = [
                *MORTAL,
                *node.space.enter,
                str(binary),
                "-D",
                "-e",
                "-f",
                str(folder / "server.conf"),
            ]
            with (folder / f"{node.name}.log").open("wb") as log:
                servers.append(
                    subprocess.Popen(
                        command,
                        env=os.environ | {"LD_LIBRARY_PATH": libraries},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )
        wrapper = folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        ssh = shutil.which("ssh")
        wrapper.write_text(f'#!/bin/sh\nexec {ssh} -F {folder}/client.conf "$@"\n')
        wrapper.chmod(0o755)
        for node in cluster.nodes:
            asked = [*cluster.from_hub, str(wrapper), node.address, "docker", "version"]
            wait_for(lambda asked=asked: _works(asked), 20, f"ssh to {node.name}")  # type: ignore[misc]
        yield {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
    finally:
        for node in cluster.nodes:
            options = ["-F", str(folder / "client.conf"), "-O", "exit", node.address]
            subprocess.run(["ssh", *options], capture_output=True, check=False)
        for server in servers:
            server.kill()
            server.wait()


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def need_client() -> None:
    """Install an ssh client where there is none; the docker command needs one for ssh://."""
    if not shutil.which("ssh"):
        must("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "openssh-client")


def halves(server: Path) -> str:
    """Lines that tell an unpacked server where its other programs are: OpenSSH 10 has three.

    Older ones are a single program, and refuse these options.
    """
    beside = server.parents[1] / "lib" / "openssh"
    options = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
    return "".join(
        f"{option} {beside / name}\n"
        for option, name in options.items()
        if (beside / name).exists()
    )


def find_server(folder: Path) -> tuple[Path, str]:
    """An sshd, and where the libraries are that it needs; unpacked where it is not installed."""
    if found := shutil.which("sshd", path=PLACES):
        return Path(found), ""
    packages = folder / "packages"
    (packages / "partial").mkdir(parents=True)
    # With all that it depends on and this machine lacks; nothing of it is installed.
    download = ["apt-get", "install", "--yes", "--download-only", "--no-install-recommends"]
    must(*download, "-o", f"Dir::Cache::archives={packages}/", "openssh-server")
    for package in packages.glob("*.deb"):
        must("dpkg", "-x", str(package), str(packages / "root"))
    libraries = {str(library.parent) for library in (packages / "root").glob("**/*.so.*")}
    return packages / "root" / "usr" / "sbin" / "sshd", os.pathsep.join(sorted(libraries))
