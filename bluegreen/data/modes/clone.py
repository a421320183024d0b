"""`clone`: a volume for each release; the target gets a copy while writes are held back."""

from typing import Any, ClassVar

from bluegreen.config.data import FIRST
from bluegreen.config.settings import other
from bluegreen.data import tools
from bluegreen.data.modes.mode import Act, DataPlan, Job, Present, Release
from bluegreen.data.modes.volumes import OnVolumes
from bluegreen.data.modes.words import left_behind, told
from bluegreen.data.names import copy_of, step_of
from bluegreen.edge.hold import Hold
from bluegreen.errors import ConfigError

# Kept for as long as the provider's process lives, which is until the update's end: a release
# that is killed lets writes through again.
_holds: list[Hold] = []


class Clone(OnVolumes):
    """A volume for each release."""

    name: ClassVar[str] = "clone"
    migrates_in_place: ClassVar[bool] = False
    needs_edge: ClassVar[bool] = True
    doing: ClassVar[str] = "the copy of the data for the target"

    @staticmethod
    def copy_to_deploy(pinned: str) -> str:  # noqa: ARG004 (the protocol's signature)
        """None: each release makes a new one."""
        return ""

    @staticmethod
    def copy_before(recorded: str) -> str:
        """As recorded; without a name there would be a new clone."""
        return recorded or FIRST

    @property
    def holds_writes(self) -> bool:
        """While the copy is made, and until the switch to it is confirmed."""
        return True

    def plan(self, present: Present) -> DataPlan:
        """A new copy for the target, or the one that is named."""
        named, now, live, target = self._data.copy, present.copy, present.live, present.target
        pinned = "" if named == FIRST else named
        act: Act = ""
        if not live or live == target:
            mine = now if live else pinned
        elif not named:
            mine, act = present.new, "clone"
        elif pinned == now:
            raise ConfigError(
                [f"data.copy: {named} is what {live} runs on; allowed: none, for a new clone"]
            )
        else:
            mine = pinned
        copies = {other(target): present.other, target: mine}
        return DataPlan(copies, now, act, bool(live) and mine != now)

    def describe(self, release: Release) -> str:
        """With what becomes of writes until the target is confirmed."""
        plan, target, live = release.plan, release.target, release.live
        before = self.place(release.service, plan.live)
        if plan.act != "clone":
            if plan.changes:
                return left_behind(self, release, held=True)
            return f"{target} runs on {self.place(release.service, plan.copies[target])}"
        if not self._data.block_writes:
            return (
                f"{target} starts on a copy of {before}; what is written to {live} from then on is "
                f"LOST, and so is what is written to {target} if the switch is reverted "
                f"(data.allow_loss); {before} stays"
            )
        return (
            f"{target} starts on a copy of {before}; from then until {target} is confirmed "
            f"(its boot and {release.bake:g} s of bake) writes are answered 503 with Retry-After, "
            f"and reads continue; {before} stays"
        )

    def act(self, job: Job) -> dict[str, Any]:
        """Make the copy; or look at the one that is gone back to."""
        if job.act != "clone":
            self._look(job)
            return {}
        service, docker = job.service, self._docker
        source, target = copy_of(service, job.live["copy"]), copy_of(service, job.copy)
        tools.require_volumes(docker, source)
        tools.make_volume(docker, target, service, cloned=source)
        hold = self._hold(job) if self._data.block_writes else None
        try:
            done = self._inside(
                "clone", {"/data": source, "/target": target}, service, step_of(service)
            )
        except BaseException:
            if hold:
                hold.let_go()
            raise
        if hold:
            _holds.append(hold)
        told(f"copy {job.copy}: {done['bytes'] / 1e6:,.1f} MB in {done['seconds']:.1f} s")
        return {"hold": hold.token if hold else "", **done}

    def _hold(self, job: Job) -> Hold:
        return Hold(job.edge, job.service, self._docker)
