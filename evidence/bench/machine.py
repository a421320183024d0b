"""The machine that figures were measured on, in one line: figures without it say nothing."""

import os
import platform
import subprocess
from pathlib import Path

from bluegreen.config import defaults


def describe() -> str:
    """Processor, memory, kernel, Docker, nginx's and the service's image."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    image = defaults.IMAGE
    service = image if image == defaults.GRAFANA else f"{image}, a stand-in for {defaults.GRAFANA}"
    return (
        f"{os.cpu_count()} × {_processor()}, {memory:.0f} GB, Linux {platform.release()}, "
        f"Docker {_said('docker', 'version', '-f', '{{.Server.Version}}')}, "
        f"Pulumi {_said('pulumi', 'version').removeprefix('v')}, "
        f"Python {platform.python_version()}, {defaults.EDGE_IMAGE}, {service}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"
