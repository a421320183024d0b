"""The stack's releases: when, who, from what to what, how it ended, how long it took."""

from dataclasses import dataclass
from typing import Any

from bluegreen.cli.project import Project


@dataclass(frozen=True)
class Release:
    """One update. `before` is what was live, `after` what was wanted; seconds of the whole."""

    when: str
    who: str
    before: str
    after: str
    result: str
    seconds: float | None


def read_history(project: Project, most: int) -> list[Release]:
    """The newest updates, the newest first."""
    updates = [update for update in reversed(project.history()) if update.kind == "update"]
    found: list[Release] = []
    live = "no color"
    for update in updates:
        config = {key: given.value for key, given in project.ours(update.config).items()}
        color = config.get("active_color", "")
        wanted = f"{color} {config.get(f'{color}_version', '')}".strip()
        seconds = (update.end_time - update.start_time).total_seconds() if update.end_time else None
        found.append(
            Release(
                when=update.start_time.isoformat(" ", "seconds"),
                who=_who(update),
                before=live,
                after=wanted,
                result=update.result,
                seconds=seconds,
            )
        )
        if update.result == "succeeded":
            live = wanted
    return found[::-1][:most]


def _who(update: Any) -> str:
    """The CLI writes who releases before the first colon; plain `pulumi up` leaves it to git."""
    name, colon, _ = update.message.partition(":")
    if colon and " " not in name:
        return str(name)
    environment = update.environment
    return str(environment.get("git.author") or environment.get("git.committer") or "unknown")
