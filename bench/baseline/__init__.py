"""The hand-written deploy script, driven from Python (README.md beside this tells what it is)."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError
from bluegreen import defaults
from lab.host import free_ports

HERE = Path(__file__).resolve().parent
TIMEOUT = 120


class Baseline:
    """One service released by deploy.sh."""

    def __init__(self, config: Path, versions: tuple[str, str]) -> None:
        """Choose names and ports; nothing runs yet.

        Args:
            config: an empty folder, which nginx will see.
            versions: of blue and of green.
        """
        self.name = f"baseline-{uuid.uuid4().hex[:8]}"
        http, blue, green = free_ports(3)
        self.url = f"http://127.0.0.1:{http}"
        self.ports = {"blue": blue, "green": green}
        (config / "conf.d").mkdir()
        for each in HERE.glob("*.conf"):
            shutil.copy(each, config)
        self.environment = os.environ | {
            "BASELINE": self.name,
            "IMAGE": defaults.IMAGE,
            "EDGE_IMAGE": defaults.EDGE_IMAGE,
            "BLUE_VERSION": versions[0],
            "GREEN_VERSION": versions[1],
            "HTTP_PORT": str(http),
            "BLUE_PORT": str(blue),
            "GREEN_PORT": str(green),
            "CONFIG": str(config),
        }

    def run(self, verb: str = "deploy") -> str:
        """Run the script; return what it said, or raise BenchError."""
        done = subprocess.run(
            [str(HERE / "deploy.sh"), verb],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"the baseline's `deploy.sh {verb}` failed: {done.stdout.strip()}")
        return done.stdout


@contextmanager
def running(versions: tuple[str, str]) -> Iterator[Baseline]:
    """The service with blue live; gone afterwards, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="bluegreen-baseline-") as config:
        baseline = Baseline(Path(config), versions)
        try:
            baseline.run("up")
            yield baseline
        finally:
            baseline.run("down")
