"""How nginx has to treat a color, which differs with what it runs on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Upstream:
    """What nginx's config says of a color.

    Attributes:
        connect_timeout: for taking a connection, in nginx's words.
        repeat_unsent: whether a request that nobody has got is sent once more, as there may be
            others by then (see nginx/again.conf).
    """

    connect_timeout: str
    repeat_unsent: bool
