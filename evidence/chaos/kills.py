"""Kill -9 and Ctrl-C: of what drives a release, one process at a time."""

import time

from evidence.chaos.fault import Fault, Scene, TooLate, fault
from evidence.chaos.release import DEPLOY, UP
from evidence.lab.host import LabFailed
from evidence.lab.processes import kill, words

SWEEP_TOOLS = (UP, DEPLOY)
SHRINK = 0.93  # of a length that was measured when the machine had more to do


def at_boundary(boundary: str, tool: str = UP) -> Fault:
    """Kill -9 of pulumi as soon as its update comes to this boundary of steps."""

    def act(scene: Scene) -> None:
        scene.release.wait_for(boundary)
        scene.strike(lambda: kill_engine(scene))

    return Fault(f"kill -9 of pulumi at the boundary: {boundary} ({tool})", act, tool=tool)


class Length:
    """How long a release takes; it changes with what else this machine does."""

    def __init__(self, milliseconds: float) -> None:
        """Begin with what was measured."""
        self.milliseconds = milliseconds


def at_moment(number: int, of: int, length: Length) -> Fault:
    """Kill -9 of pulumi at this moment of its update, in the middle of its share."""

    def act(scene: Scene) -> None:
        scene.release.sleep_until((number - 0.5) * length.milliseconds / of)
        try:
            scene.strike(lambda: kill_engine(scene))
        except TooLate:
            length.milliseconds *= SHRINK
            raise

    tool = SWEEP_TOOLS[number % 2]
    return Fault(f"kill -9 of pulumi at moment {number} of {of} ({tool})", act, tool=tool)


def kill_engine(scene: Scene) -> None:
    """Kill -9 of pulumi, if it runs yet."""
    if not words(scene.release.engine):
        raise TooLate("the update was over before it could be killed")
    kill([scene.release.engine])


@fault("kill -9 of the docker provider while it creates the target")
def _docker_provider(scene: Scene) -> None:
    scene.release.wait_for("create target begun")
    scene.strike(lambda: kill(scene.release.below("resource-docker")))


@fault("kill -9 of the gate's provider during the gate", long=True)
def _gate_provider(scene: Scene) -> None:
    scene.release.wait_for("update gate begun")
    scene.strike(lambda: kill(scene.release.below("pulumi.dynamic")))


@fault("kill -9 of the command provider during the switch", long=True)
def _command_provider(scene: Scene) -> None:
    scene.bake(4)
    scene.strike(lambda: kill(scene.release.below("resource-command")))


@fault("kill -9 of the switch while it bakes", says="switch", long=True)
def _switch(scene: Scene) -> None:
    scene.bake(4)
    scene.strike(lambda: kill(scene.release.below("bluegreen.release.switch")))


@fault("kill -9 of the language host", ends="either", long=True)
def _language_host(scene: Scene) -> None:
    scene.release.wait_for("update gate begun")
    scene.strike(lambda: kill(scene.release.below("language-python")))


@fault("kill -9 of the program", ends="failed", long=True)
def _program(scene: Scene) -> None:
    scene.release.wait_for("create target begun")
    scene.strike(lambda: kill(scene.release.below("pulumi-language-python-exec")))


@fault("kill -9 of every process of the release during the switch", long=True)
def _everything(scene: Scene) -> None:
    scene.bake(4)
    scene.strike(lambda: kill(scene.release.below("")))


def _interrupted_twice(scene: Scene) -> None:
    scene.bake(4)
    scene.strike(scene.release.interrupt)
    time.sleep(0.3)
    if not scene.release.ended:
        scene.release.interrupt()


fault("SIGINT twice during the switch (pulumi up)")(_interrupted_twice)
fault("SIGINT twice during the switch (bluegreen deploy)", tool=DEPLOY, long=True)(
    _interrupted_twice
)


@fault("two releases at once", ends="done", long=True)
def _two_releases(scene: Scene) -> None:
    scene.configure(bake={"seconds": 10})
    scene.release.wait_for("create target begun")
    scene.strike()
    for _ in range(3):
        second = scene.stack.pulumi("up", "--yes", "--skip-preview")
        # Pulumi reads the state before it asks for the lock; the first may be just writing it.
        if "failed to load checkpoint" not in second.output:
            break
    if second.code == 0 or "is currently locked" not in second.output:
        raise _not_refused(second.output)
    # Nor is the lock of the first taken away from it.
    held = scene.stack.bluegreen("recover")
    if held.code == 0 or "is not known to be dead" not in held.output:
        raise _not_refused(held.output)


def _not_refused(said: str) -> LabFailed:
    return LabFailed(f"a second one in the middle of a release was not refused: {said}")


@fault("kill -9 of pulumi while the first release creates its network", first=True, long=True)
def _first_network(scene: Scene) -> None:
    scene.release.wait_for("create network begun")
    scene.strike(lambda: kill_engine(scene))


@fault(
    "kill -9 of pulumi while the first release creates its edge", first=True, tool=DEPLOY, long=True
)
def _first_edge(scene: Scene) -> None:
    scene.release.wait_for("create edge begun")
    scene.strike(lambda: kill_engine(scene))
