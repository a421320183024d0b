"""What the modes' plans and acts say in the same words."""

import sys
from collections.abc import Mapping

from bluegreen.data.modes.mode import Mode, Release
from bluegreen.data.snapshots import moment_of


def left_behind(mode: Mode, release: Release, *, held: bool) -> str:
    """A release that goes over to other data than users have: what is not in it."""
    plan, target = release.plan, release.target
    copy = plan.copies[target]
    if held:
        trial = f"writes wait while the switch is on trial ({release.bake:g} s of bake)"
    else:
        trial = f"what is written to {target} is lost if the switch is reverted"
    return (
        f"{target} runs on {mode.place(release.service, copy)}; what was written since "
        f"{_moment(copy, release)} is NOT in it, and stays in "
        f"{mode.place(release.service, plan.live)}; {trial}"
    )


def _moment(copy: str, release: Release) -> str:
    return when_left(copy, release.recorded, release.since) or "users left it"


def when_left(copy: str, recorded: Mapping[str, str], since: str) -> str:
    """The moment in UTC that a copy of the data is of; "" unknown.

    Args:
        copy: the copy's name.
        recorded: the stack's output `data`: {mode, copy, before, at}.
        since: since when the live color serves; "" unknown.
    """
    if recorded.get("before") == copy and since:
        # Users left it when it was cloned, or else when what is live now came to be.
        return recorded.get("at") or since
    return moment_of(copy)


def told(text: str) -> None:
    """Tell how the data step gets on."""
    print(f"data: {text}", file=sys.stderr, flush=True)  # the engine shows it
