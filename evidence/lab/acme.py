"""A real ACME server of a test's own: Pebble, on this host's bridge address."""

import json
import tempfile
import uuid
from collections.abc import Iterator, Sequence
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

    def root(self) -> str:
        """What the certificates that it issues are checked with, as PEM."""
        return docker(
            *("exec", self.name, "curl", "-sk", f"{self.management}/roots/0"),
        )

    def stop(self) -> None:
        """Stop it."""
        docker("stop", "-t", "1", self.name)

    def start(self) -> None:
        """Start it again."""
        docker("start", self.name)


@contextmanager
def acme_server(
    hosts: Sequence[str], http_port: int, *, validity: int = 7_776_000
) -> Iterator[Server]:
    """Run one that asks these hosts at a port of this machine.

    Args:
        hosts: they are this machine for it; all others it does not find.
        http_port: where it asks them.
        validity: seconds that its certificates are good for.
    """
    address, name = bridge_address(), f"bluegreen-acme-{uuid.uuid4().hex[:8]}"
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
        aliases = [word for host in hosts for word in ("--add-host", f"{host}:127.0.0.1")]
        docker(
            *("create", "--name", name, "--network", "host", *aliases),
            *("-e", "PEBBLE_VA_NOSLEEP=1", "-e", "PEBBLE_WFE_NONCEREJECT=0"),
            *("-e", "PEBBLE_AUTHZREUSE=0"),
            *(defaults.TOOLS_IMAGE, "pebble", "-config", "/pebble/pebble.json"),
        )
        try:
            docker("cp", f"{folder}/.", f"{name}:/pebble")
            docker("start", name)
            found = Server(
                name,
                f"https://{address}:{port}/dir",
                Path(folder) / "ca.pem",
                f"https://127.0.0.1:{management}",
            )
            wait_for(lambda: "BEGIN" in found.root(), 20, "Pebble")
            yield found
        finally:
            docker("rm", "-f", "-v", name)
