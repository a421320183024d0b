"""Faults of the host: full disks, a plugin that is missing, a Docker daemon that is restarted."""

import tempfile
from pathlib import Path

from bluegreen.config.settings import other
from bluegreen.edge.state import CONFIG_FOLDER
from evidence.chaos import disks
from evidence.chaos.daemon import PrivateDaemon
from evidence.chaos.fault import Scene, fault

DATA = "/var/lib/grafana"


@fault(
    "disk full: the edge's config volume",
    volumes=(("edge-config", "256k"),),
    needs="root",
    says="No space left on device",
)
def _config_full(scene: Scene) -> None:
    edge = scene.container("edge")
    scene.release.wait_for("create target begun")
    scene.strike(lambda: disks.fill_in(edge, CONFIG_FOLDER))
    scene.mend(lambda: disks.free_in(edge, CONFIG_FOLDER))


@fault(
    "disk full: the data volume",
    volumes=(("data", "8m"),),
    needs="root",
    long=True,
    ends="either",
    spared="a write without space is refused with an error, so nobody takes it for done",
    outage=40,
)
def _data_full(scene: Scene) -> None:
    live = scene.container(other(scene.target))
    scene.release.wait_for("create target begun")
    scene.strike(lambda: disks.fill_in(live, DATA))
    scene.mend(lambda: disks.free_in(_running(scene), DATA))


def _running(scene: Scene) -> str:
    return scene.container(sorted(scene.stack.containers() - {"edge"})[0])


@fault(
    "disk full: the state folder",
    long=True,
    small_state=True,
    needs="root",
    says="no space left on device",
)
def _state_full(scene: Scene) -> None:
    folder = scene.stack.folder / "state"
    scene.release.wait_for("create target begun")
    scene.strike(lambda: disks.fill(folder))
    scene.mend(lambda: disks.free(folder))


@fault("a plugin is missing", says="no resource plugin", long=True)
def _plugin(scene: Scene) -> None:
    environment = scene.stack.environment
    before = dict(environment)
    real = Path(environment["PULUMI_HOME"])
    folder = tempfile.TemporaryDirectory(prefix="chaos-home-")
    home = Path(folder.name)
    (home / "plugins").mkdir()
    for each in real.iterdir():
        if each.name != "plugins":
            (home / each.name).symlink_to(each)
    for each in (real / "plugins").iterdir():
        if not each.name.startswith("resource-command"):
            (home / "plugins" / each.name).symlink_to(each)
    scene.mend(folder.cleanup)
    scene.mend(lambda: environment.update(before))
    environment |= {
        "PULUMI_HOME": str(home),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    scene.strike()


def _daemon_restarts(scene: Scene) -> None:
    daemon = PrivateDaemon.of_this_process()
    scene.bake(5)
    scene.strike(daemon.restart)


fault(
    "the Docker daemon is restarted during the release, live-restore off",
    long=True,
    daemon=(),
    needs="root",
    ends="failed",
    spared="without live-restore Docker stops every container and restarts it",
    outage=30,
)(_daemon_restarts)

fault(
    "the Docker daemon is restarted during the release, live-restore on",
    long=True,
    daemon=("--live-restore", "--userland-proxy=false"),
    needs="root",
    ends="either",
    spared="a daemon that starts recreates its rules for published ports",
    outage=3,
)(_daemon_restarts)
