"""A trial: one fault, one release, under load; the same command again; and a look at it all."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import evidence.load as load
from bluegreen.config.settings import COLORS, Color, other
from evidence.chaos import disks
from evidence.chaos.fault import Fault, Scene, TooLate
from evidence.chaos.release import UP, command
from evidence.chaos.rows import NOTHING, RECOVER, SAME, Row
from evidence.lab.host import LabFailed
from evidence.lab.stacks import VERSIONS, Stack, removed

# Two cores are shared by load, engine, daemon and nginx: enough to notice a gap of 20 ms.
PLAN = load.Plan(
    fresh=1, keepalive=3, post=1, slow=0, download=0, websocket=0, pace=0.5, drain_timeout=12
)
TRIES = 6
# Pulumi's own words for a lock, the program's, and those by which docs/troubleshooting.md leads on:
# a state that is cut short is noticed before the program runs.
WAY_OUT = "`pulumi cancel|`bluegreen recover|failed to load checkpoint"
QUICK: Mapping[str, Any] = {"health": {"interval": 0.1, "timeout": 6}}


@contextmanager
def stage(fault: Fault | None = None) -> Iterator[Stack]:
    """A stack with blue live, or for a first release with nothing, that is gone afterwards."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        if fault and fault.small_state:
            parts.enter_context(disks.small_folder(folder / "state"))
        stack = parts.enter_context(removed(folder, **QUICK))
        for name, size in fault.volumes if fault else ():
            disks.make_small_volume(stack.service, name, size)
        if not (fault and fault.first):
            stack.up()
        yield stack


def play(fault: Fault, stack: Stack, plan: load.Plan = PLAN) -> Row:
    """Play it on this stack, anew when the release was over before the fault could strike."""
    for _ in range(TRIES):
        with contextlib.suppress(TooLate):
            return _play(fault, stack, plan)
    why = f"{TRIES} releases were over before the fault could strike"
    return Row(fault.name, None, 0, 0, 0, False, NOTHING, problems=(why,))


def _play(fault: Fault, stack: Stack, plan: load.Plan) -> Row:
    """One trial; what goes wrong becomes the row's problems."""
    live = "" if fault.first else stack.live()[0]
    target: Color = other(live) if live in COLORS else "blue"
    version = VERSIONS[target]
    stack.configure(active_color=target, **{f"{target}_version": version}, env=None, **QUICK)
    scene = Scene(stack, fault.tool, target, version)
    problems: list[str] = []
    by, report = NOTHING, None
    try:
        with nullcontext() if fault.first else load.running(stack.url, plan) as traffic:
            with scene.mends:
                fault.act(scene)
                problems += _ending(fault, scene.release.wait(), scene.release.said)
            by = _converge(stack, fault, version, problems)
            problems += _unsettled(stack, target)
        report = traffic.report if traffic else None
    except TooLate:
        raise
    except (LabFailed, load.LoadError) as error:
        problems.append(str(error))
    scene.end_orphans()
    problems += judge(fault, report)
    return Row(
        name=fault.name,
        at_ms=scene.at_ms,
        requests=report.requests if report else 0,
        failed=report.failed_total if report else 0,
        lost_writes=report.writes.lost if report else 0,
        converged=not problems,
        by=by,
        spared=fault.spared,
        failing_seconds=len(report.failures) if report else 0,
        problems=tuple(problems),
    )


def _ending(fault: Fault, code: int, said: str) -> list[str]:
    """Whether the release that was hit ended as it must, and said so."""
    found = []
    if (fault.ends == "failed" and code == 0) or (fault.ends == "done" and code != 0):
        found.append(
            f"the release with the fault exited with {code}, and must be {fault.ends}: {said}"
        )
    if fault.says not in said:
        found.append(f"the release with the fault did not say {fault.says!r}: {said}")
    if "Traceback" in said:
        found.append(f"the release with the fault showed a traceback: {said}")
    return found


def _converge(stack: Stack, fault: Fault, version: str, problems: list[str]) -> str:
    """Run the same command; if it fails, what it says must name the way out, and that must work."""
    tool = fault.tool
    again = stack.run(command(stack, tool, version))
    if again.code == 0:
        return SAME
    if not re.search(WAY_OUT, again.output):
        problems.append(f"the same command named no next step: {again.output}")
    if tool != UP:
        problems.append(f"`bluegreen deploy` did not clean up by itself: {again.output}")
    recovered = stack.bluegreen("recover")
    if recovered.code:
        problems.append(f"`bluegreen recover` failed: {recovered.output}")
    once_more = stack.run(command(stack, tool, version))
    if once_more.code:
        problems.append(f"the same command failed after recover: {once_more.output}")
        return NOTHING
    return RECOVER


def _unsettled(stack: Stack, target: Color) -> list[str]:
    """What is not as the release was to leave it."""
    found = []
    if stack.live() != (target, VERSIONS[target]):
        found.append(f"{stack.live()} is live, wanted {target} {VERSIONS[target]}")
    if stack.containers() != {"edge", target}:
        found.append(f"containers {sorted(stack.containers())}, wanted edge and {target}")
    preview = stack.pulumi("preview", "--expect-no-changes")
    if preview.code or "pending operations" in preview.output:
        found.append(f"a preview still shows something to do: {preview.output}")
    return found


def judge(fault: Fault, report: load.Report | None) -> list[str]:
    """What users met that they must not have."""
    if report is None:
        return [] if fault.first else ["the load has no report"]
    found = []
    strange = set(report.by_color) - set(COLORS) - ({"unknown"} if fault.spared else set())
    if strange:
        found.append(f"answers came from neither color: {dict(report.by_color)}")
    if not report.writes.verified or report.writes.lost or report.writes.doubled:
        found.append(f"acknowledged writes: {report.writes}")
    if report.failed_total and not fault.spared:
        found.append(f"requests failed, but none may: {report.summary()}")
    if len(report.failures) > fault.outage:
        found.append(
            f"requests failed in {len(report.failures)} seconds, allowed: {fault.outage}: "
            f"{report.summary()}"
        )
    return found
