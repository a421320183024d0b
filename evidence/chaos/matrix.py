"""The matrix: every fault by name, and pulumi killed at every boundary and at moments all over."""

import evidence.load as load
from bluegreen.config.settings import COLORS
from evidence.chaos import edges, hosts, kills, replacing, targets
from evidence.chaos.fault import FAULTS, Fault
from evidence.chaos.kills import Length, at_boundary, at_moment
from evidence.chaos.release import DEPLOY, UP, Release
from evidence.chaos.replacing import in_a_replacement
from evidence.chaos.trial import PLAN, stage
from evidence.lab.stacks import VERSIONS

MOMENTS = 40
REPLACING_MS = 4000  # about what it takes longer with a replacement of nginx
# The boundaries that a release is known to have, for the short form; `make chaos` measures them.
KNOWN = (("update switch begun", DEPLOY),)

# Imported for the faults that they enter.
MODULES = (edges, hosts, kills, replacing, targets)


def named() -> list[Fault]:
    """The faults that have a name of their own."""
    return list(FAULTS)


def short() -> list[Fault]:
    """What `make test` plays."""
    boundaries = [at_boundary(each, tool) for each, tool in KNOWN]
    return boundaries + [each for each in FAULTS if not each.long]


def whole(pattern: str = "") -> list[Fault]:
    """Everything with this in its name; boundaries and moments are those of a release made now."""
    found = [each for each in named() if pattern in each.name]
    if found and pattern:
        return found
    boundaries, milliseconds = measure()
    length = Length(milliseconds)
    # First, while the length that was measured still holds.
    sweep = [at_moment(number, MOMENTS, length) for number in range(1, MOMENTS + 1)]
    longer = Length(milliseconds + REPLACING_MS)
    sweep += [in_a_replacement(number, MOMENTS, longer) for number in range(1, MOMENTS + 1)]
    sweep += [at_boundary(each) for each in boundaries]
    return [each for each in sweep + found if pattern in each.name]


def measure() -> tuple[list[str], float]:
    """The boundaries of steps of a release without faults, and how long the shorter of two was.

    Under the same load as the trials.
    """
    found: list[str] = []
    lengths: list[float] = []
    with stage() as stack, load.running(stack.url, PLAN):
        for color in reversed(COLORS):
            stack.configure(active_color=color, **{f"{color}_version": VERSIONS[color]})
            release = Release(stack, UP, color, VERSIONS[color])
            release.wait()
            lengths.append(release.at_ms)
            # A drain may be over before anybody has asked for it.
            found = [each for each in release.boundaries() if each != "draining"]
    return found, min(lengths)
