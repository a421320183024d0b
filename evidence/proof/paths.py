"""The paths that data takes: a release, one that fails, one that is killed, the ways back."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bluegreen.config.settings import COLORS, Color, other
from evidence.lab.host import Finished, LabFailed, docker, finish
from evidence.lab.processes import everything_below, kill, wait_for
from evidence.lab.stacks import BLUEGREEN, Stack
from evidence.proof.judge import Loss, Row, judge
from evidence.proof.writer import Writer

WRITES = 20  # before and after each act
HOLD = 3  # seconds that a migration takes which is to be killed
_ANNOUNCED = re.compile(r"^\s*data +((?:shared|clone|external|none): .*)$", re.MULTILINE)


@dataclass
class Scene:
    """A mode's stack as it goes from path to path."""

    mode: str
    stack: Stack
    snapshot: dict[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> Color:
        """The live color."""
        color = self.stack.live()[0]
        if color not in COLORS:
            raise LabFailed(f"no color is live: {color}")
        return color

    def env(self, **variables: str) -> None:
        """Let the next container run with these, and only these."""
        self.stack.configure(env=variables or None)

    def data(self) -> dict[str, str]:
        """The stack's output on its data."""
        found: dict[str, str] = self.stack.outputs()["data"]
        return found


Act = Callable[[Scene], tuple[str, Loss | None]]


def play(scene: Scene, path: str) -> Row:
    """Take one path with a writer at work, and look for what it wrote."""
    problems: list[str] = []
    said, loss = "", None
    with Writer(scene.stack.url) as writer:
        writer.wait_for(WRITES)
        try:
            said, loss = PATHS[path](scene)
        except LabFailed as error:
            problems.append(str(error))
        writer.wait_for(WRITES)
    announced = _ANNOUNCED.search(said)
    if writer.failures:
        problems.append(f"{len(writer.failures)} writes failed: {writer.failures[0]}")
    if "Traceback" in said:
        problems.append(said)
    return judge(
        scene.mode,
        path,
        writer.writes,
        writer.found(),
        loss,
        held=writer.held,
        failed=len(writer.failures),
        announced=announced[1] if announced else "",
        problems=problems,
    )


def _release(scene: Scene) -> tuple[str, Loss | None]:
    before = scene.live
    said = _must(scene.stack.bluegreen("deploy", "12.4.0", "--yes"))
    return said, _lost_by_release(scene, before)


def _lost_by_release(scene: Scene, before: Color) -> Loss | None:
    if scene.mode == "none":
        return Loss(before, 0)
    if scene.mode == "clone, allow_loss":
        return Loss(before, _seconds(scene.data()["at"]))
    return None


def _failing_migration(scene: Scene) -> tuple[str, Loss | None]:
    before = scene.stack.live()
    scene.env(STANDIN_MIGRATION_FAILS="1")
    done = scene.stack.bluegreen("deploy", "12.5.0", "--yes")
    if done.code != 1 or scene.stack.live() != before:
        raise LabFailed(f"the release ended with {done.code}: {done.output}")
    scene.env()
    _must(scene.stack.bluegreen("deploy", "--abort", "--yes"))
    return done.output, None


def _killed(scene: Scene) -> tuple[str, Loss | None]:
    before = scene.live
    target = f"{scene.stack.service}-{other(before)}"
    scene.env(STANDIN_MIGRATION_SECONDS=str(HOLD))
    stack = scene.stack
    command = [str(BLUEGREEN), "deploy", "12.5.0", "--yes", "--stack", stack.name]
    process = stack.start([*command, "--dir", str(stack.folder)])
    try:
        migrates = ["docker", "logs", target]
        wait_for(lambda: "migration starts" in finish(migrates).output, 60, "the migration")
        kill(everything_below(process.pid))
        process.wait()
        if scene.live != before:
            raise LabFailed("a release that was killed during its migration is live")
        # As if the machine went down: the migration ends half-way too.
        docker("kill", target)
    finally:
        kill(everything_below(process.pid))
    scene.env()
    said = stack.started_log.read_text(errors="replace")
    again = _must(stack.bluegreen("deploy", "12.5.0", "--yes"))
    return said + again, _lost_by_release(scene, before)


def _rollback(scene: Scene) -> tuple[str, Loss | None]:
    before = scene.live
    left = scene.data().get("at") or ""
    said = _must(scene.stack.bluegreen("rollback", "--yes"))
    if scene.mode.startswith("clone"):
        return said, Loss(before, _seconds(left))
    return said, _lost_by_release(scene, before)


def _restore(scene: Scene) -> tuple[str, Loss | None]:
    before = scene.live
    if scene.mode == "none":
        done = scene.stack.bluegreen("snapshot", "create")
        if done.code != 2:
            raise LabFailed(f"a snapshot of no data ended with {done.code}: {done.output}")
        return done.output, None
    taken = json.loads(_must(scene.stack.bluegreen("snapshot", "create", "--json")))
    said = _must(scene.stack.bluegreen("snapshot", "restore", taken["id"], "--yes"))
    return said, Loss(before, _seconds(taken["at"]))


PATHS: dict[str, Act] = {
    "release": _release,
    "release whose migration fails": _failing_migration,
    "release killed during its migration": _killed,
    "rollback": _rollback,
    "restore of a snapshot": _restore,
}


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _must(done: Finished) -> str:
    if done.code:
        raise LabFailed(f"it ended with {done.code}: {done.output}")
    return done.output
