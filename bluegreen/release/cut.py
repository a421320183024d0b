"""Cutting what a color still serves when its drain is over.

nginx has no word for it: a request ends when its connection to the color does. So that connection
is closed, from a container that shares the edge's network for as long as this takes, and that may
do this there. The kernel closes it (SOCK_DESTROY, since Linux 4.5), as if the color had.
"""

from collections.abc import Collection
from pathlib import Path

from bluegreen.config.settings import Place
from bluegreen.data.tools import run
from bluegreen.edge.opened import each
from bluegreen.errors import DataFailed, SwitchFailed
from bluegreen.release.order import Order

_PROGRAM = Path(__file__).with_name("inside") / "close.py"


def cut_off(order: Order, color: str, missed: Collection[str] = ()) -> int:
    """Close every connection that the edges have to this color; return how many there were.

    Raises:
        SwitchFailed: they could not be closed.
    """
    places = {place.container: place for place in order.edges if place.container not in missed}
    return sum(each(places, lambda place: _in(order, color, place)).values())


def _in(order: Order, color: str, place: Place) -> int:
    words = ["python3", "-", f"{order.service}-{color}"]
    try:
        said = run(
            place.docker,
            order.tools_image,
            words,
            _PROGRAM.read_text(),
            {},
            service=order.service,
            network=f"container:{place.container}",
            capabilities=["NET_ADMIN"],
        )
    except DataFailed as error:
        raise SwitchFailed(str(error)) from error
    if not said.strip().isdigit():
        raise SwitchFailed(
            f"{order.tools_image} said {said[:200]!r}; wanted: an image with Python 3"
        )
    return int(said)
