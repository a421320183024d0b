"""By which URLs a stack is reached, as far as its config tells."""

from urllib.parse import urlsplit

from bluegreen.config.settings import Docker, Settings


def edge_urls(settings: Settings) -> dict[str, str]:
    """The public port of each edge, by its name."""
    return {
        edge.name: _url(_reachable(edge.http_address, edge.docker), edge.http_port)
        for edge in settings.edges
    }


def direct_urls(settings: Settings) -> dict[str, str]:
    """Each published direct port, by color, and the (first edge's) preview's."""
    ports = {str(color): settings.direct_ports[color] for color in settings.declared}
    ports["preview"] = settings.preview_port
    address = _reachable(settings.direct_address, settings.edges[0].docker)
    return {name: _url(address, port) for name, port in ports.items() if port}


def _reachable(address: str, docker: Docker) -> str:
    """The host by which users reach a port that is bound to this address."""
    if address not in ("0.0.0.0", "::"):
        return address
    return urlsplit(docker.host).hostname or "127.0.0.1"


def _url(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}" if port == 80 else f"http://{host}:{port}"
