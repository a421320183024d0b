"""The hand-written deploy script, driven from Python (README.md beside this tells what it is)."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluegreen.config import defaults
from evidence.bench.errors import BenchError
from evidence.lab.host import finish, free_ports
from evidence.lab.stacks import VERSIONS

HERE = Path(__file__).resolve().parent
TIMEOUT = 120


class Baseline:
    """One service released by deploy.sh."""

    def __init__(self, config: Path) -> None:
        """Choose names and ports; nothing runs yet. `config` is an empty folder for nginx."""
        self.name = f"baseline-{uuid.uuid4().hex[:8]}"
        http, blue, green = free_ports(3)
        self.url = f"http://127.0.0.1:{http}"
        (config / "conf.d").mkdir()
        for each in HERE.glob("*.conf"):
            shutil.copy(each, config)
        self.environment = os.environ | {
            "BASELINE": self.name,
            "IMAGE": defaults.IMAGE,
            "EDGE_IMAGE": defaults.EDGE_IMAGE,
            "BLUE_VERSION": VERSIONS["blue"],
            "GREEN_VERSION": VERSIONS["green"],
            "HTTP_PORT": str(http),
            "BLUE_PORT": str(blue),
            "GREEN_PORT": str(green),
            "CONFIG": str(config),
        }

    def run(self, verb: str = "deploy") -> str:
        """Run the script; return what it said, or raise BenchError."""
        done = finish([str(HERE / "deploy.sh"), verb], env=self.environment, timeout=TIMEOUT)
        if done.code:
            raise BenchError(f"the baseline's `deploy.sh {verb}` failed: {done.output.strip()}")
        return done.output


@contextmanager
def running() -> Iterator[Baseline]:
    """The service with blue live; gone afterwards, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="bluegreen-baseline-") as config:
        baseline = Baseline(Path(config))
        try:
            baseline.run("up")
            yield baseline
        finally:
            baseline.run("down")
