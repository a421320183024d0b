"""A real PostgreSQL server of an experiment's own, in a container on this host's bridge address."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bluegreen import defaults
from lab.host import docker, finish, free_ports
from lab.processes import wait_for

USER, DATABASE = "bluegreen", "grafana"
_START = """\
set -e
[ -e /db/PG_VERSION ] || {
    install -d -o postgres /db
    cat >/tmp/password
    su postgres -c 'PATH=/usr/local/bin:$PATH initdb -D /db -U bluegreen -A scram-sha-256 \
        --pwfile=/tmp/password >/dev/null'
    echo "host all all 0.0.0.0/0 scram-sha-256" >>/db/pg_hba.conf
}
exec su postgres -c "exec /usr/local/bin/postgres -D /db -h $ADDRESS -p $PORT -k /tmp -c fsync=off"
"""


@dataclass(frozen=True)
class Server:
    """A running server; `name` is its container's."""

    name: str
    host: str
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Its database's URL."""
        return f"postgres://{USER}:{self.password}@{self.host}:{self.port}/{DATABASE}"

    def query(self, sql: str, database: str = DATABASE) -> str:
        """Ask it, as its owner."""
        return docker(
            *("exec", "-e", f"PGPASSWORD={self.password}", self.name, "psql", "-XqAt"),
            *("-h", self.host, "-p", str(self.port), "-U", USER, "-d", database, "-c", sql),
        ).strip()

    def stop(self) -> None:
        """Stop it."""
        docker("stop", "-t", "2", self.name)

    def start(self) -> None:
        """Start it again, with what it had."""
        docker("start", self.name)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        ask = ["docker", "exec", self.name, "pg_isready", "-h", self.host, "-p", str(self.port)]
        wait_for(lambda: finish(ask).code == 0, 30, "PostgreSQL")


@contextmanager
def running() -> Iterator[Server]:
    """A server with an empty database that is gone afterwards."""
    bridge = "{{(index .IPAM.Config 0).Gateway}}"
    host = docker("network", "inspect", "bridge", "-f", bridge).strip()
    server = Server(
        f"lab-postgres-{uuid.uuid4().hex[:8]}", host, free_ports(1)[0], secrets.token_hex(12)
    )
    script = _START.replace("cat >/tmp/password", f"echo {server.password} >/tmp/password")
    docker(
        *("run", "-d", "--name", server.name, "--network", "host", "--label", "bluegreen.lab=1"),
        *("-e", f"ADDRESS={host}", "-e", f"PORT={server.port}", "--entrypoint", "sh"),
        *(defaults.TOOLS_IMAGE, "-c", script),
    )
    try:
        server.wait()
        server.query(f"CREATE DATABASE {DATABASE}", "postgres")
        yield server
    finally:
        docker("rm", "-f", "-v", server.name)
