"""Which keys go together: of an edge, of a service with its own, and of one on a shared edge."""

from collections.abc import Collection, Mapping

from bluegreen.config.kinds import Values
from bluegreen.config.reader import Reader

# What a stack of kind edge has.
OF_AN_EDGE = frozenset(
    "kind name platform http_port https_port http_address edge_image edges edges_required "
    "log_to_docker subnet drain_timeout allow_in_place trusted_proxies trust_docker_gateway "
    "proxy_protocol max_connections header_buffers underscores_in_headers tls".split()
)
# What a service on a shared edge does not have: it is the edge's.
THE_EDGES_OWN = frozenset(
    "http_port https_port http_address preview_port edge_image edges edges_required "
    "log_to_docker trusted_proxies trust_docker_gateway proxy_protocol max_connections "
    "header_buffers underscores_in_headers".split()
)
# What only a service on a shared edge has.
ON_SHARED = frozenset("path_prefix strip_path_prefix default preview_host preview_from".split())


def refused(kind: str, edge: str, keys: Collection[str]) -> Mapping[str, str]:
    """Of these keys, those that a stack of this kind does not have, and why.

    `edge` names the stack whose edge it shares.
    """
    if kind == "edge":
        why = "in a stack of kind edge, the edge's keys alone (docs/shared-edge.md)"
        return {key: why for key in keys if key not in OF_AN_EDGE}
    if edge:
        return dict.fromkeys(THE_EDGES_OWN, f"none with `edge`: it is a key of stack {edge}")
    return dict.fromkeys(ON_SHARED, "none without `edge: STACK`, a shared edge")


def check_hosts(values: Values) -> None:
    """What holds between the keys that say how a service is reached."""
    read: Reader = values.reader
    hosts: Collection[str] = values["hosts"]
    if values["proxy_protocol"] and not values["trusted_proxies"]:
        read.wrong("proxy_protocol", "true with trusted_proxies, from which it is believed")
    canonical = values["canonical_host"]
    if canonical.startswith("*.") or (canonical and hosts and canonical not in hosts):
        read.wrong("canonical_host", f"one of hosts: {', '.join(hosts) or 'a name'}")
    if not values["edge"]:
        return
    if not hosts and not values["default"] and not read.is_set("hosts"):
        read.mistake(
            f"hosts: none is named; allowed: the hosts that {values['edge']} leads to this service "
            '(["a.example.com"]), or default: true'
        )
    if len(set(hosts)) < len(hosts):
        read.mistake("hosts: one is named twice; allowed: each once")
    if values["path_prefix"] and values["default"]:
        read.wrong("default", "false with path_prefix: it is for what no other service has")
    if values["strip_path_prefix"] and not values["path_prefix"]:
        read.wrong("strip_path_prefix", "false without path_prefix")
    if values["preview_host"] in hosts and values["preview_host"]:
        read.wrong("preview_host", "a host that is not among hosts")
