"""Containers that do something with the data and are gone afterwards.

Nothing secret is ever on a command line: programs and passwords go in on standard input.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bluegreen.config.settings import Docker
from bluegreen.data.inside.trees import BUSY
from bluegreen.docker.facts import COPY_LABEL, LABEL
from bluegreen.docker.shell import ask
from bluegreen.errors import DataFailed

NAME_TAKEN = "is already in use by container"
MOST_SECONDS = 6 * 3600.0

# What goes into the container, each after what it imports.
MODULES = ("trees", "databases", "store", "verbs")
# The modules come as JSON on standard input, by their names.
START = """\
import json, sys, types
for name, text in json.load(sys.stdin).items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
sys.exit(module.main())
"""


class Busy(DataFailed):
    """Somebody else is at work on what this needs for itself."""


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
    """Run a verb of `inside.verbs` and return what it says.

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
        Busy: another one is at work in the snapshots' volume, and this is not to wait for it.
    """
    words = ["python3", "-c", START, verb, json.dumps(told)]
    said = run(docker, image, words, json.dumps(program()), volumes, service=service, name=name)
    found: dict[str, Any] = json.loads(said)
    return found


def program() -> dict[str, str]:
    """The text of each module that goes into the container, by its name."""
    folder = Path(__file__).with_name("inside")
    return {f"bluegreen.data.inside.{m}": (folder / f"{m}.py").read_text() for m in MODULES}


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
    capabilities: Sequence[str] = (),
) -> str:
    """Run a command in a container, with this on its standard input; return what it puts out.

    The volumes have to be there: Docker would make empty ones of names that it does not know.
    """
    require_volumes(docker, *volumes.values())
    options = ["--rm", "-i", "--user", "0:0", "--network", network, "--log-driver", "none"]
    options += [word for each in capabilities for word in ("--cap-add", each)]
    options += ["--label", f"{LABEL}={service}", *(("--name", name) if name else ())]
    for path, volume in volumes.items():
        options += ["--mount", f"type=volume,src={volume},dst={path}"]
    whole = ("run", *options, "--entrypoint", words[0], image, *words[1:])
    done = ask(docker, *whole, timeout=MOST_SECONDS, given=given)
    if name and done.returncode and NAME_TAKEN in done.stderr:
        ask(docker, "rm", "-f", name)
        done = ask(docker, *whole, timeout=MOST_SECONDS, given=given)
    if done.returncode == BUSY:
        raise Busy("another command is using the snapshots")
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


def require_volumes(docker: Docker, *volumes: str) -> None:
    """Raise DataFailed for a volume that is not there."""
    missing = [volume for volume in volumes if not has_volume(docker, volume)]
    if missing:
        raise DataFailed(
            f"volume {', '.join(missing)} does not exist; it was removed, perhaps by a job that "
            "prunes unused volumes. `bluegreen snapshot list` shows what can be restored"
        )


def has_volume(docker: Docker, volume: str) -> bool:
    """Whether a volume is there; raises DataFailed when that cannot be known."""
    done = ask(docker, "volume", "inspect", volume, "--format", "{{.Name}}")
    if done.returncode and "no such volume" not in done.stderr.lower():
        raise DataFailed(f"volume {volume}: {done.stderr.strip()}")
    return done.returncode == 0
