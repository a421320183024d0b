"""What holds between the keys that are about more than one machine."""

from bluegreen.config.kinds import Values
from bluegreen.config.settings import EDGE, Docker, Edge, Limits, Placement, Swarm


def settle_swarm(values: Values) -> Swarm | None:
    """What makes a color a Swarm service; None where it is a container."""
    if values["platform"] != "swarm":
        return None
    replicas, standby = values["replicas"], values["standby_replicas"]
    if standby is not None and standby > replicas:
        values.reader.wrong("standby_replicas", f"replicas from 1 to {replicas}")
    return Swarm(
        replicas=replicas,
        standby_replicas=replicas if standby is None else standby,
        placement=Placement(**values["placement"]),
        reservations=Limits(**values["reservations"]),
    )


def settle_edges(values: Values, docker: Docker) -> tuple[tuple[Edge, ...], int]:
    """The list of edges and how many of them a release needs; without a list, the one edge."""
    read = values.reader
    usual = Edge(EDGE, docker, values["http_address"], values["http_port"])
    edges = [_edge(given, usual) if given is not None else usual for given in values["edges"]]
    for value, what in (
        ([edge.name for edge in edges], "name"),
        ([(edge.docker, edge.http_port) for edge in edges], "host and http_port"),
    ):
        if len(set(value)) < len(value):
            read.mistake(f"edges: two have the same {what}; allowed: a different one for each")
    if len({edge.docker for edge in edges}) < len(edges) and values["preview_port"]:
        read.wrong("preview_port", "0 when two edges are on one host: both would bind it")
    found = tuple(edges) or (usual,)
    required = values["edges_required"]
    if required is not None and required > len(found):
        read.wrong("edges_required", f"edges from 1 to {len(found)}")
    return found, len(found) if required is None else required


def _edge(given: Values, usual: Edge) -> Edge:
    if not given["name"] and not given.reader.is_set("name"):
        allowed = f"a short name of a-z, 0-9 and - ({EDGE}: the edge of a stack without a list)"
        given.reader.wrong("name", allowed)
    there = Docker(host=given["host"], context=given["context"], cert_path=given["cert_path"])
    return Edge(
        name=given["name"],
        docker=there if there != Docker() else usual.docker,
        http_address=given["http_address"] or usual.http_address,
        http_port=given["http_port"] or usual.http_port,
    )
