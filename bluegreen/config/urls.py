"""By which URLs a stack is reached, as far as its config tells."""

from urllib.parse import urlsplit

from bluegreen.config.settings import Docker, Settings


def edge_urls(settings: Settings) -> dict[str, str]:
    """Where users reach the service by each edge, by the edge's name."""
    named = settings.canonical_host
    named = named or next((host for host in settings.hosts if "*" not in host), "")
    urls = {}
    for edge in settings.edges:
        host = named or _reachable(edge.http_address, edge.docker)
        if settings.tls and settings.https_port:
            urls[edge.name] = _url(host, settings.https_port, "https") + settings.path_prefix
        else:
            urls[edge.name] = _url(host, edge.http_port) + settings.path_prefix
    return urls


def direct_urls(settings: Settings) -> dict[str, str]:
    """Each published direct port, by color, and the (first edge's) preview's."""
    ports = {str(color): settings.direct_ports[color] for color in settings.declared}
    ports["preview"] = settings.preview_port
    address = _reachable(settings.direct_address, settings.edges[0].docker)
    urls = {name: _url(address, port) for name, port in ports.items() if port}
    if settings.preview_host:
        urls["preview"] = _url(settings.preview_host, settings.edges[0].http_port)
    return urls


def _reachable(address: str, docker: Docker) -> str:
    """The host by which users reach a port that is bound to this address."""
    if address not in ("0.0.0.0", "::"):
        return address
    return urlsplit(docker.host).hostname or "127.0.0.1"


def _url(address: str, port: int, scheme: str = "http") -> str:
    host = f"[{address}]" if ":" in address else address
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"
