"""A real ACME server of a test's own: Pebble, on this host's bridge address or another one."""

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bluegreen.config import defaults
from evidence.lab.certificates import Authority
from evidence.lab.host import bridge_address, docker, free_ports
from evidence.lab.processes import wait_for


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        name: its container's.
        url: of its directory.
        ca: file with what its own certificate is checked with.
    """

    name: str
    url: str
    ca: Path
    management: str
    docker: Callable[..., str] = docker

    def root(self) -> str:
        """What the certificates that it issues are checked with, as PEM."""
        return self.docker(
            *("exec", self.name, "curl", "-sk", f"{self.management}/roots/0"),
        )

    def stop(self) -> None:
        """Stop it."""
        self.docker("stop", "-t", "1", self.name)

    def start(self) -> None:
        """Start it again."""
        self.docker("start", self.name)


@contextmanager
def acme_server(
    hosts: Sequence[str],
    http_port: int,
    *,
    validity: int = 7_776_000,
    address: str = "",
    found_at: str = "127.0.0.1",
    run: Callable[..., str] = docker,
) -> Iterator[Server]:
    """Run one that asks these hosts at a port of this machine, or another one.

    Args:
        hosts: it finds them; all others it does not.
        http_port: where it asks them.
        validity: seconds that its certificates are good for.
        address: of the machine that it runs on; "" = this one's bridge.
        found_at: where the hosts are, for it.
        run: runs docker's commands on its machine.
    """
    address, name = address or bridge_address(), f"bluegreen-acme-{uuid.uuid4().hex[:8]}"
    port, management = free_ports(2)
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority()
        certificate, key = authority.issue([address])
        files = {"ca.pem": authority.pem, "server.pem": certificate, "server.key": key}
        config = {
            "listenAddress": f"{address}:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": "/pebble/server.pem",
            "privateKey": "/pebble/server.key",
            "httpPort": http_port,
            "tlsPort": 1,
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {"default": {"description": "of a test", "validityPeriod": validity}},
        }
        files["pebble.json"] = json.dumps({"pebble": config})
        for file, text in files.items():
            (Path(folder) / file).write_text(text)
        aliases = [word for host in hosts for word in ("--add-host", f"{host}:{found_at}")]
        run(
            *("create", "--name", name, "--network", "host", *aliases),
            *("-e", "PEBBLE_VA_NOSLEEP=1", "-e", "PEBBLE_WFE_NONCEREJECT=0"),
            *("-e", "PEBBLE_AUTHZREUSE=0"),
            *(defaults.TOOLS_IMAGE, "pebble", "-config", "/pebble/pebble.json"),
        )
        try:
            run("cp", f"{folder}/.", f"{name}:/pebble")
            run("start", name)
            found = Server(
                name,
                f"https://{address}:{port}/dir",
                Path(folder) / "ca.pem",
                f"https://127.0.0.1:{management}",
                run,
            )
            wait_for(lambda: "BEGIN" in found.root(), 20, "Pebble")
            yield found
        finally:
            run("rm", "-f", "-v", name)
