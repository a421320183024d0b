"""What is asked of an external database, in a container of its own tools.

The password goes in on standard input, into the environment of one shell there.
"""

import shlex
from collections.abc import Mapping
from urllib.parse import parse_qs

from bluegreen.config.database import Database
from bluegreen.config.settings import Docker
from bluegreen.data import tools
from bluegreen.errors import DataFailed

PATIENCE = 5  # seconds, for a connection

_MOMENT = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00')"
# All columns of all tables: a migration changes them.
_COLUMNS = "table_name, column_name, data_type FROM information_schema.columns WHERE table_schema"
_SCHEMA = {
    "postgres": (
        "SELECT md5(coalesce(string_agg(concat_ws(':', c.table_name, c.column_name, c.data_type),"
        " ',' ORDER BY c.table_name, c.column_name), '')) FROM (SELECT "
        f"{_COLUMNS} = current_schema()) c"
    ),
    "mysql": (
        "SET SESSION group_concat_max_len = 1 << 30; "
        "SELECT md5(coalesce(group_concat(concat_ws(':', c.table_name, c.column_name,"
        " c.data_type) ORDER BY c.table_name, c.column_name), '')) FROM (SELECT "
        f"{_COLUMNS} = database()) c"
    ),
}


class Client:
    """A database's own tools, in a container on the service's network."""

    def __init__(self, database: Database, docker: Docker, image: str, service: str) -> None:
        """Ask nothing yet."""
        self._database, self._docker, self._image = database, docker, image
        self._service = service

    def check(self) -> str:
        """Connect; return the schema as a short digest.

        Raises:
            DataFailed: it cannot be reached, or refuses.
        """
        said = self._run(self._ask(_SCHEMA[self._database.engine]))
        return (said.split() or [""])[-1][:12]

    def dump(self, path: str, snapshots: str) -> str:
        """Dump it into a file in the snapshots' volume; return the moment it is of, if known."""
        quoted, name = shlex.quote(path), shlex.quote(self._database.name)
        if self._database.engine == "mysql":
            script = f"mysqldump --single-transaction --routines {self._where()} {name} > {quoted}"
        else:
            # The dump is of a transaction that says what time it is.
            tool = f'pg_dump -w -Fc --snapshot="$SNAPSHOT" {self._where()} {name}'
            script = (
                f"{self._psql()} <<'END'\n"
                "BEGIN ISOLATION LEVEL REPEATABLE READ;\n"
                f"SELECT pg_export_snapshot() AS snapshot, {_MOMENT} AS moment \\gset\n"
                "\\setenv SNAPSHOT :snapshot\n"
                f"\\! {tool} > {quoted} && touch {quoted}.done\n"
                "\\echo :moment\nEND\n"
                f"rm {quoted}.done"
            )
        made = f'mkdir -p "$(dirname {quoted})"'
        return self._run(f"{made}\n{script}", {"/snapshots": snapshots}).strip()

    def restore(self, path: str, snapshots: str, copy: str) -> None:
        """Make a new database and fill it with a dump."""
        new, quoted = self._database.copy(copy).name, shlex.quote(path)
        if self._database.engine == "postgres":
            script = (
                f"{self._ask(f'CREATE DATABASE {_identifier(new)}')} && pg_restore -w "
                f"--exit-on-error --no-owner {self._where()} -d {shlex.quote(new)} {quoted}"
            )
        else:
            made = f"CREATE DATABASE `{new}`"
            script = f"{self._ask(made)} && mysql {self._where()} {shlex.quote(new)} < {quoted}"
        self._run(script, {"/snapshots": snapshots})

    def _where(self) -> str:
        database = self._database
        options = (f"-h {shlex.quote(database.host)} ", f"{database.port} ")
        if database.engine == "postgres":
            return f"{options[0]}-p {options[1]}-U {shlex.quote(database.user)}"
        return f"{options[0]}-P {options[1]}-u {shlex.quote(database.user)}"

    def _psql(self) -> str:
        name = shlex.quote(self._database.name)
        return f"psql -X -w -qAt -v ON_ERROR_STOP=1 {self._where()} -d {name}"

    def _ask(self, sql: str) -> str:
        if self._database.engine == "postgres":
            return f"{self._psql()} -c {shlex.quote(sql)}"
        wait = f"--connect-timeout={PATIENCE}"
        name = shlex.quote(self._database.name)
        return f"mysql -N {wait} {self._where()} {name} -e {shlex.quote(sql)}"

    def _run(self, script: str, volumes: Mapping[str, str] | None = None) -> str:
        database = self._database
        password = shlex.quote(database.password)
        mode = parse_qs(database.options).get("sslmode")
        tls = f"PGSSLMODE={shlex.quote(mode[-1])}" if mode else ""
        secret = {
            "postgres": f"export PGPASSWORD={password} PGCONNECT_TIMEOUT={PATIENCE} {tls}",
            "mysql": f"export MYSQL_PWD={password}",
        }[database.engine]
        given = f"{secret}\n{script}\n"
        try:
            return tools.run(
                self._docker,
                self._image,
                ["sh", "-es"],
                given,
                volumes or {},
                service=self._service,
                network=self._service,
            )
        except DataFailed as error:
            raise DataFailed(f"{database.where}: {_reason(str(error))}") from None


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "(its tools say nothing)"
