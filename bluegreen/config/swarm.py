"""The part of a stack's config that is about more than one machine."""

import ipaddress
import re
from typing import Any

from bluegreen.config.reader import Reader
from bluegreen.config.settings import EDGE, Docker, Edge, Limits, Placement, Swarm

PLATFORMS = ("container", "swarm")
EDGE_KEYS = "name host context cert_path http_address http_port".split()
MOST_REPLICAS = 1000

# What has no meaning for a single container.
_SWARM_ONLY = "replicas standby_replicas placement reservations edges edges_required".split()
# What cannot be had of a Swarm: workers cannot take an image built elsewhere, and one node's port
# would lead to any of several replicas, or to none.
_CONTAINER_ONLY = {
    "build": "none: nodes pull the image, so push it to a registry and name it with `image`",
    "blue_port": "0: replicas have no port of their own; preview_port leads to the idle color",
    "green_port": "0: replicas have no port of their own; preview_port leads to the idle color",
}
_USUAL = ("", "0", "1", "{}", "[]")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?")
# The grammar of Swarm's own constraints: https://docs.docker.com/reference/cli/docker/service/create
_CONSTRAINT = re.compile(r"(node|engine)\.[A-Za-z0-9._-]+ ?(==|!=) ?[A-Za-z0-9._:/-]+")
_LABEL = re.compile(r"(node|engine)\.labels\.[A-Za-z0-9._-]+")


def read_swarm(read: Reader) -> Swarm | None:
    """Read what makes a color a Swarm service; None where it is a container."""
    if read.choice("platform", "container", PLATFORMS) == "container":
        for key in _SWARM_ONLY:
            if str(read.raw.get(key) or "") not in _USUAL:
                read.wrong(key, "none on one machine; it needs platform swarm")
        return None
    for key, allowed in _CONTAINER_ONLY.items():
        if str(read.raw.get(key) or "0") not in ("0", "{}"):
            read.wrong(key, f"with platform swarm {allowed}")
    replicas = read.integer("replicas", 1, 1, MOST_REPLICAS, "replicas")
    return Swarm(
        replicas=replicas,
        standby_replicas=read.integer("standby_replicas", replicas, 1, replicas, "replicas"),
        placement=_placement(read),
        reservations=read_limits(read, "reservations"),
    )


def _placement(read: Reader) -> Placement:
    placement = read.nested("placement", ["constraints", "spread", "max_per_node"])
    return Placement(
        constraints=_words(
            placement, "constraints", _CONSTRAINT, "a list such as [node.labels.tier==app]"
        ),
        spread=_words(placement, "spread", _LABEL, "a list such as [node.labels.zone]"),
        max_per_node=placement.integer("max_per_node", 0, 0, MOST_REPLICAS, "replicas"),
    )


def _words(read: Reader, key: str, pattern: re.Pattern[str], allowed: str) -> tuple[str, ...]:
    words = read.structure(key, list, allowed)
    if not all(isinstance(word, str) and pattern.fullmatch(word) for word in words):
        read.wrong(key, allowed)
        return ()
    return tuple(words)


def read_edges(read: Reader, default: Edge, *, swarm: bool) -> tuple[tuple[Edge, ...], int]:
    """Read the list of edges and how many of them a switch needs; without one, the default.

    Args:
        read: the config.
        default: the edge of a stack that lists none; the others get its port and address.
        swarm: whether there may be a list.
    """
    allowed = f"a list of edges, each with {', '.join(EDGE_KEYS)}"
    listed = read.structure("edges", list, allowed) if swarm else []
    edges = [_edge(read, number, given, default) for number, given in enumerate(listed)]
    for value, what in (
        ([edge.name for edge in edges], "name"),
        ([(edge.docker, edge.http_port) for edge in edges], "host and http_port"),
    ):
        if len(set(value)) < len(value):
            read.mistakes.append(f"edges: two have the same {what}; allowed: one of its own each")
    shared = len({edge.docker for edge in edges}) < len(edges)
    if shared and str(read.raw.get("preview_port") or "0") != "0":
        read.wrong("preview_port", "0 when two edges are on one host: each would bind it")
    found = tuple(edges) or (default,)
    required = (
        read.integer("edges_required", len(found), 1, len(found), "edges") if swarm else len(found)
    )
    return found, required


def _edge(read: Reader, number: int, given: Any, default: Edge) -> Edge:
    if not isinstance(given, dict):
        read.mistakes.append(
            f"edges[{number}]: is {given!r}; allowed: an object with {', '.join(EDGE_KEYS)}"
        )
        return default
    edge = Reader(given, read.mistakes, EDGE_KEYS, prefix=f"edges[{number}].")
    name = edge.text("name", "", _NAME, "a short name of a-z, 0-9 and -")
    if not name:
        edge.wrong("name", f"a short name of a-z, 0-9 and - ({EDGE}: the edge from before)")
    there = Docker(
        host=edge.text("host", "", re.compile(r"(ssh|tcp|unix)://\S+"), "ssh://USER@HOST"),
        context=edge.text("context", "", None, "a context of the docker command"),
        cert_path=edge.text("cert_path", "", None, "a folder"),
    )
    return Edge(
        name=name,
        docker=there if there != Docker() else default.docker,
        http_address=read_address(edge, "http_address", default.http_address),
        http_port=edge.integer("http_port", default.http_port, 1, 65535, "port number"),
    )


def read_address(read: Reader, key: str, default: str) -> str:
    """An IP address of a host, to bind a port to."""
    address = read.text(key, default, None, "an IP address of the host")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        read.wrong(key, "an IP address of the host")
    return address


def read_limits(read: Reader, key: str) -> Limits:
    """Memory and CPUs; 0 = not said."""
    limits = read.nested(key, ["memory", "cpus"])
    memory = limits.integer("memory", 0, 0, 1 << 20, "MB")
    if 0 < memory < 6:  # the daemon's own minimum
        limits.wrong("memory", "0 (no limit), or at least 6 MB")
    return Limits(memory=memory, cpus=limits.number("cpus", 0, 0, 1024, "CPUs"))
