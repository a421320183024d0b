"""Containers that do something with the data and are gone afterwards.

Nothing secret is ever on a command line: programs and passwords go in on standard input.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bluegreen.config.settings import Docker
from bluegreen.docker.facts import COPY_LABEL, LABEL
from bluegreen.docker.shell import ask
from bluegreen.errors import DataFailed

PROGRAM = Path(__file__).with_name("inside.py")
NAME_TAKEN = "is already in use by container"
MOST_SECONDS = 6 * 3600.0


def run_inside(
    docker: Docker,
    image: str,
    verb: str,
    told: Mapping[str, Any],
    volumes: Mapping[str, str],
    *,
    service: str,
    name: str = "",
) -> dict[str, Any]:
    """Run a verb of `inside` and return what it says.

    Args:
        docker: which daemon.
        image: an image with Python.
        verb: the verb.
        told: its JSON.
        volumes: volumes by the path they are mounted at.
        service: prefix of everything the stack makes in Docker, for the label.
        name: name of the container, for one that there must be but one of; one that is left of
            an update that was killed is ended first.

    Raises:
        DataFailed: it was not done; the message says why.
    """
    words = ["python3", "-", verb, json.dumps(told)]
    said = run(docker, image, words, PROGRAM.read_text(), volumes, service=service, name=name)
    found: dict[str, Any] = json.loads(said)
    return found


def run(
    docker: Docker,
    image: str,
    words: Sequence[str],
    given: str,
    volumes: Mapping[str, str],
    *,
    service: str,
    name: str = "",
    network: str = "none",
) -> str:
    """Run a command in a container, with this on its standard input; return what it puts out."""
    options = ["--rm", "-i", "--user", "0:0", "--network", network, "--log-driver", "none"]
    options += ["--label", f"{LABEL}={service}", *(("--name", name) if name else ())]
    for path, volume in volumes.items():
        options += ["--mount", f"type=volume,src={volume},dst={path}"]
    whole = ("run", *options, "--entrypoint", words[0], image, *words[1:])
    done = ask(docker, *whole, timeout=MOST_SECONDS, given=given)
    if name and done.returncode and NAME_TAKEN in done.stderr:
        ask(docker, "rm", "-f", name)
        done = ask(docker, *whole, timeout=MOST_SECONDS, given=given)
    if done.returncode:
        raise DataFailed(done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout


def make_volume(docker: Docker, volume: str, service: str, **labels: str) -> None:
    """Make a volume, or take the one that is there."""
    told = {LABEL: service, COPY_LABEL: volume} | {f"bluegreen.{k}": v for k, v in labels.items()}
    words = [word for key, value in told.items() for word in ("--label", f"{key}={value}")]
    done = ask(docker, "volume", "create", *words, volume)
    if done.returncode:
        raise DataFailed(f"volume {volume}: {done.stderr.strip()}")
