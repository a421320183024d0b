"""Who asks: what an edge's nginx believes of a request, and of whom (nginx/clients.conf)."""

from dataclasses import dataclass

from bluegreen.config.settings import Edge, Settings
from bluegreen.edge.templates import fragment

# Besides For, Proto, Host and Port: what proxies are used to say of a client, logins among them.
_OTHERS = ("Prefix", "Scheme", "Server", "Ssl", "User", "Email", "Groups", "Preferred-Username")


@dataclass(frozen=True)
class Listening:
    """How an edge takes connections, and what it believes of them.

    Attributes:
        http_port, https_port: the ports that clients know.
        trusted_proxies: ranges of addresses whose word on the client is taken.
        proxy_protocol: whether every connection begins with a line of the PROXY protocol.
        max_connections: of each worker of nginx.
        header_buffers: number and size, as nginx has them.
        underscores: whether header names may have them.
    """

    http_port: int = 80
    https_port: int = 0
    trusted_proxies: tuple[str, ...] = ()
    proxy_protocol: bool = False
    max_connections: int = 8192
    header_buffers: str = "4 64k"
    underscores: bool = False

    @classmethod
    def of(cls, settings: Settings, edge: Edge) -> "Listening":
        """As the stack's config has it."""
        return cls(
            http_port=edge.http_port,
            https_port=settings.https_port,
            trusted_proxies=settings.trusted_proxies,
            proxy_protocol=settings.proxy_protocol,
            max_connections=settings.max_connections,
            header_buffers=settings.header_buffers,
            underscores=settings.underscores_in_headers,
        )

    def slots(self) -> dict[str, str]:
        """What nginx/nginx.conf is filled in with."""
        header = "proxy_protocol" if self.proxy_protocol else "X-Forwarded-For"
        # By the PROXY protocol a proxy passes bytes on: headers are what the client has sent.
        believed = () if self.proxy_protocol else self.trusted_proxies
        clients = {
            "real ip from": "\n".join(f"set_real_ip_from {each};" for each in self.trusted_proxies),
            "real ip header": header,
            "proxies": "\n".join(f"{each} 1;" for each in believed),
            "http_port": str(self.http_port),
            "https_port": str(self.https_port or 443),
            "https port there": f":{self.https_port}" if self.https_port not in (0, 443) else "",
            "others": "\n".join(
                f"map $bluegreen_told $forwarded_{_name(each)} {{\n"
                f"    0 '';\n    default ${_variable(each)};\n}}"
                for each in (*_OTHERS, "")
            ),
        }
        return {
            "clients": fragment("clients", clients),
            "max_connections": str(self.max_connections),
            "header_buffers": self.header_buffers,
            "underscores": "on" if self.underscores else "off",
        }


def other_headers() -> str:
    """The lines that pass on what proxies say besides, or take it away."""
    lines = [f"proxy_set_header X-Forwarded-{each} $forwarded_{_name(each)};" for each in _OTHERS]
    return "\n".join([*lines, "proxy_set_header Forwarded $forwarded_itself;"])


def _name(header: str) -> str:
    return header.lower().replace("-", "_") or "itself"


def _variable(header: str) -> str:
    return f"http_x_forwarded_{_name(header)}" if header else "http_forwarded"
