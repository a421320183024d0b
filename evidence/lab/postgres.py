"""A real PostgreSQL server of an experiment's own, in a container on this host's bridge address."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bluegreen.config import defaults
from evidence.lab.host import LabFailed, bridge_address, docker, free_ports
from evidence.lab.processes import wait_for

USER, DATABASE = "bluegreen", "grafana"
_START = """\
set -e
BIN=$(dirname "$(command -v initdb)")
[ -e /db/PG_VERSION ] || {
    install -d -o postgres /db
    cat >/tmp/password
    su postgres -c "$BIN/initdb -D /db -U bluegreen -A scram-sha-256 \
        --pwfile=/tmp/password >/dev/null"
    echo "host all all 0.0.0.0/0 scram-sha-256" >>/db/pg_hba.conf
}
exec su postgres -c "exec $BIN/postgres -D /db -h $ADDRESS -p $PORT -k /tmp -c fsync=off"
"""


@dataclass(frozen=True)
class Server:
    """A running server; `name` is its container's."""

    name: str
    host: str
    port: int
    password: str = field(repr=False)
    docker: Callable[..., str] = docker
    database: str = DATABASE

    @property
    def url(self) -> str:
        """Its database's URL."""
        return f"postgres://{USER}:{self.password}@{self.host}:{self.port}/{self.database}"

    def of_its_own(self, database: str) -> "Server":
        """The same server with another, new database."""
        self.query(f'CREATE DATABASE "{database}"', "postgres")
        return replace(self, database=database)

    def query(self, sql: str, database: str = "") -> str:
        """Ask it, as its owner."""
        return self.docker(
            *("exec", "-e", f"PGPASSWORD={self.password}", self.name, "psql", "-XqAt"),
            *("-h", self.host, "-p", str(self.port), "-U", USER),
            *("-d", database or self.database, "-c", sql),
        ).strip()

    def stop(self) -> None:
        """Stop it."""
        self.docker("stop", "-t", "2", self.name)

    def start(self) -> None:
        """Start it again, with what it had."""
        self.docker("start", self.name)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        wait_for(self._answers, 30, "PostgreSQL")

    def _answers(self) -> bool:
        try:
            self.docker("exec", self.name, "pg_isready", "-h", self.host, "-p", str(self.port))
        except LabFailed:
            return False
        return True


@contextmanager
def running(run: Callable[..., str] = docker, host: str = "") -> Iterator[Server]:
    """A server with an empty database that is gone afterwards.

    Args:
        run: runs a docker command, on the host where the server is to be.
        host: an address there; "" = its bridge's.
    """
    host = host or bridge_address(run)
    name, password = f"lab-postgres-{uuid.uuid4().hex[:8]}", secrets.token_hex(12)
    server = Server(name, host, free_ports(1)[0], password, run)
    script = _START.replace("cat >/tmp/password", f"echo {server.password} >/tmp/password")
    run(
        *("run", "-d", "--name", server.name, "--network", "host", "--label", "bluegreen.lab=1"),
        *("-e", f"ADDRESS={host}", "-e", f"PORT={server.port}", "--entrypoint", "sh"),
        *(defaults.CLIENT_IMAGES["postgres"], "-c", script),
    )
    try:
        server.wait()
        server.query(f"CREATE DATABASE {DATABASE}", "postgres")
        yield server
    finally:
        run("rm", "-f", "-v", server.name)
