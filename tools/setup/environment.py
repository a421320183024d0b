"""The environment that the program runs in, as lines for a shell to `eval`."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from tools.setup.choices import Choices
from tools.setup.errors import ToolchainError
from tools.setup.images import STANDIN_IMAGE, TOOLS_IMAGE
from tools.setup.places import Places

NOT_SET_UP = "setup has not run, or did not finish. Run `python3 -m tools.setup setup` first."


def exports(places: Places, choices: Choices, environ: Mapping[str, str]) -> dict[str, str]:
    """What to export. What the user has set already stays as it is.

    BLUEGREEN_IMAGE, BLUEGREEN_EDGE_IMAGE and BLUEGREEN_TOOLS_IMAGE are defaults: they count where
    a stack's config names no image. They appear only where Docker Hub does not answer.
    """
    cli = Path(choices.pulumi_bin or "/nonexistent")
    if not (places.venv / "bin" / "python").exists() or not (cli / "pulumi").exists():
        raise ToolchainError(NOT_SET_UP)

    folders = [str(places.venv / "bin")]
    offered = {
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_BACKEND_URL": f"file://{places.state}",
    }
    if choices.pulumi != "path":
        folders.insert(0, str(cli))
    if choices.docker_hub is False and choices.edge_image:
        offered["BLUEGREEN_IMAGE"] = STANDIN_IMAGE
        offered["BLUEGREEN_EDGE_IMAGE"] = choices.edge_image
        offered["BLUEGREEN_TOOLS_IMAGE"] = TOOLS_IMAGE
    wanted = {name: value for name, value in offered.items() if not environ.get(name)}
    if choices.pulumi == "built":
        # Plugins and CLI belong together, so this one holds whatever was set before.
        wanted["PULUMI_HOME"] = str(cli.parent / "home")
    if not environ.get("PULUMI_CONFIG_PASSPHRASE") and not environ.get(
        "PULUMI_CONFIG_PASSPHRASE_FILE"
    ):
        wanted["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(places.state / "passphrase")
    return {"PATH": prepended(folders, environ.get("PATH", os.defpath)), **wanted}


def prepended(folders: list[str], path: str) -> str:
    """PATH with these folders in front, and nowhere else: `eval` may happen many times."""
    rest = [folder for folder in path.split(os.pathsep) if folder not in folders]
    return os.pathsep.join([*folders, *rest])


def prepare_state(state: Path) -> None:
    """Make the folder for stacks and, once, the passphrase that encrypts their secrets."""
    state.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(state / "passphrase", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(file, "w") as out:
        out.write(secrets.token_urlsafe(32) + "\n")


def as_shell(variables: Mapping[str, str]) -> str:
    """Lines of `export NAME=value`, quoted."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
