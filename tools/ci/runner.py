"""A fresh machine that runs workflows: where its stacks are, and the key to Docker hosts."""

import os
from collections.abc import Mapping
from pathlib import Path

from bluegreen.cli.errors import CommandError, Exit

BACKEND, KEY, HOSTS = "PULUMI_BACKEND_URL", "DOCKER_SSH_KEY", "DOCKER_SSH_KNOWN_HOSTS"


def prepare(folder: Path, environ: Mapping[str, str]) -> str:
    """Check the backend, write key and known hosts; return what was done, without the key.

    Args:
        folder: where ssh looks, such as ~/.ssh.
        environ: has PULUMI_BACKEND_URL, and for a Docker host by ssh both others.

    Raises:
        CommandError: one is missing, or there is another key already.
    """
    if not environ.get(BACKEND):
        raise CommandError(
            f"{BACKEND} is not set: the stacks' state would be kept on this runner, and lost",
            todo="set it as a secret in the workflow's environment (docs/state.md)",
            code=Exit.USAGE,
        )
    key, hosts = environ.get(KEY, ""), environ.get(HOSTS, "")
    if not key and not hosts:
        return f"{KEY} is not set: Docker is reached without ssh"
    if not key or not hosts:
        raise CommandError(
            f"{KEY if hosts else HOSTS} is not set: a key is only used for known hosts",
            code=Exit.USAGE,
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "id_ed25519"  # one of ssh's default names; it may hold a key of another type
    try:
        target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} already exists and was not changed", code=Exit.USAGE) from None
    with os.fdopen(target, "w") as out:
        out.write(key.strip() + "\n")
    with (folder / "known_hosts").open("a") as out:
        out.write(hosts.strip() + "\n")
    return f"{file} and {folder / 'known_hosts'} written"
