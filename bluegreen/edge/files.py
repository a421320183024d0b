"""The files that an edge's container starts with: nginx's own config, and scripts."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from bluegreen.edge.clients import Listening
from bluegreen.edge.render import render_edge
from bluegreen.edge.scripts import start
from bluegreen.edge.state import COUNT, EDGE_CONFIG, START, WAITING
from bluegreen.edge.templates import TEMPLATES

# From this Linux on, what waits on a socket goes over to the next nginx when its own leaves.
HANDS_OVER = (5, 14)


def edge_files(
    listening: Listening,
    among_several_as: str = "",
    *,
    copies: bool = False,
    shared: bool = False,
    acme: Sequence[str] = (),
) -> dict[str, str]:
    """Their texts, by path.

    Args:
        listening: how it takes connections.
        among_several_as: of several edges, its own name among them.
        copies: whether the access log is copied to the container's log.
        shared: whether services of other stacks have it in common.
        acme: what gets certificates for the hosts of services, for each edge; () = nothing.
    """
    return {
        EDGE_CONFIG: render_edge(listening, peers=bool(among_several_as), shared=shared, acme=acme),
        COUNT: (TEMPLATES / "count.awk").read_text(),
        WAITING: (TEMPLATES / "waiting.conf").read_text(),
        START: start(among_several_as, copies=copies, proxied=listening.proxy_protocol),
    }


def digest_of_files(files: Mapping[str, str]) -> str:
    """By which other files are known."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
