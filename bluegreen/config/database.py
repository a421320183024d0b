"""An external database: what its URL says."""

from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote, unquote, urlsplit

ALLOWED = "postgres://USER:PASSWORD@HOST[:PORT]/DATABASE or mysql://… (a secret)"
PORTS = {"postgres": 5432, "mysql": 3306}
NAMES = {"postgres": "PostgreSQL", "mysql": "MySQL"}


@dataclass(frozen=True)
class Database:
    """A database by its URL; `options` is the URL's query."""

    engine: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    name: str
    options: str

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Take a URL apart; raises ValueError for one that is not usable, without showing it."""
        parts = urlsplit(url)
        name = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in PORTS or not parts.hostname or not parts.username or not name:
            raise ValueError("not a database's URL")
        if "/" in name or parts.fragment:
            raise ValueError("not a database's URL")
        return cls(
            engine=parts.scheme,
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            name=name,
            options=parts.query,
        )

    @property
    def url(self) -> str:
        """The URL, put together again."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        query = f"?{self.options}" if self.options else ""
        return f"{self.engine}://{user}@{host}:{self.port}/{quote(self.name, safe='')}{query}"

    @property
    def where(self) -> str:
        """What and where it is, without anything secret."""
        return f"{NAMES[self.engine]} database {self.name} on {self.host}:{self.port}"

    def copy(self, copy: str) -> Self:
        """The database that a dump was restored into; "" = this one."""
        return replace(self, name=f"{self.name}_{copy.replace('-', '_')}") if copy else self
