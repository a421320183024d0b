"""Which image a release runs: the one that its tag leads to now, or the one that it ran before.

A tag may be moved at any time. So a color's image is taken by its tag once, when it is released;
from then on, and when a release goes back to it, it is the same image by its id.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bluegreen.config.settings import Color, Docker
from bluegreen.docker.shell import ask
from bluegreen.plan.situation import Pin


@dataclass(frozen=True)
class Image:
    """What a target runs: an image by its id, or "" where its tag decides.

    `gone` is the id of the one that it should run again, and that Docker has no more.
    """

    identity: str = ""
    gone: str = ""


def choose_image(
    docker: Docker, pins: Mapping[str, Pin], color: Color, image: str, live: str
) -> Image:
    """Which image a target runs.

    A release goes back when it names what the target ran when it was last live, and something
    else is live now. Where both carry one tag, it does when the tag still leads to what is live:
    there is nothing newer to release.

    Args:
        docker: the stack's daemon.
        pins: what each color ran when it was last released.
        color: the target.
        image: the image that it shall run, with tag.
        live: the live color; "" before the first release.
    """
    pin, now = pins.get(color), pins.get(live)
    if not pin or pin.image != image or not now or color == live:
        return Image()
    if now.image == image and _identity_of(docker, image) not in ("", now.identity):
        return Image()
    identity = _identity_of(docker, pin.identity)
    return Image(identity) if identity else Image(gone=pin.identity)


def _identity_of(docker: Docker, image: str) -> str:
    """The id of an image that a Docker has; "" where it has none of that name."""
    done = ask(docker, "image", "inspect", "--format", "{{.Id}}", image)
    return done.stdout.strip() if done.returncode == 0 else ""
