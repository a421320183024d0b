"""What was announced, what is there: one row of the proof."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from evidence.proof.writer import Write


@dataclass(frozen=True)
class Loss:
    """An announced loss: what a color was told since a moment (seconds since 1970)."""

    color: str
    since: float


@dataclass(frozen=True)
class Row:
    """One path in one mode. `announced` is the preview's line on the data."""

    mode: str
    path: str
    acknowledged: int
    found: int
    announced_loss: int
    equal: bool
    held: int = 0
    failed: int = 0
    announced: str = ""
    problems: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        """Whether all is as it was announced."""
        return self.equal and not self.problems


def judge(
    mode: str,
    path: str,
    writes: Sequence[Write],
    found: Mapping[str, int],
    lost: Loss | None,
    *,
    held: int = 0,
    failed: int = 0,
    announced: str = "",
    problems: Sequence[str] = (),
) -> Row:
    """Compare what was acknowledged with what is there.

    Args:
        mode: the data's mode.
        path: what was done.
        writes: those that were acknowledged.
        found: how often each is there.
        lost: which writes were announced to be lost; None when none were. One that was under
            way at that moment may be on either side of it.
        held: how often a write was told to wait.
        failed: how often a write failed otherwise.
        announced: the preview's line on the data.
        problems: what else was not as it must be.
    """
    inside = {w.uid for w in writes if lost and w.color == lost.color and w.sent >= lost.since}
    unclear = {
        w.uid
        for w in writes
        if lost and w.color == lost.color and w.sent < lost.since <= w.acknowledged
    }
    acknowledged = {w.uid for w in writes}
    there = acknowledged & found.keys()
    expected = inside | (unclear - there)
    wrong = [*_told("lost but not announced", acknowledged - there - expected)]
    wrong += _told("found but announced as lost", there & expected)
    wrong += _told("there twice", {uid for uid, count in found.items() if count > 1})
    return Row(
        mode=mode,
        path=path,
        acknowledged=len(acknowledged),
        found=len(there),
        announced_loss=len(expected),
        equal=not wrong,
        held=held,
        failed=failed,
        announced=announced,
        problems=(*wrong, *problems),
    )


def _told(what: str, uids: Collection[str]) -> list[str]:
    return [f"{len(uids)} writes {what}: {', '.join(sorted(uids)[:3])}"] if uids else []
