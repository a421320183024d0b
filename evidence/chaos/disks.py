"""Small disks, for filling: a volume in memory, or a folder on one; and what fills them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluegreen.docker.facts import LABEL
from evidence.lab.host import docker, must

STATE_MEGABYTES = 8
FILLER = "filler"


def make_small_volume(service: str, name: str, size: str) -> None:
    """Make a volume of this size before the stack does, which then takes it as it is."""
    docker(
        *("volume", "create", "--driver", "local", "--label", f"{LABEL}={service}"),
        *("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o=size={size}"),
        f"{service}-{name}",
    )


def fill_in(container: str, folder: str) -> None:
    """Take all the space that is left in a container's folder."""
    script = f"cat /dev/zero > {folder}/{FILLER} 2>/dev/null || true"
    docker("exec", "-u", "0", container, "sh", "-c", script)


def free_in(container: str, folder: str) -> None:
    """Give it back."""
    docker("exec", "-u", "0", container, "rm", "-f", f"{folder}/{FILLER}")


@contextmanager
def small_folder(folder: Path) -> Iterator[None]:
    """A folder on a small disk of its own; only root can make one."""
    folder.mkdir()
    size = f"size={STATE_MEGABYTES}m"
    must("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder))
    try:
        yield
    finally:
        must("umount", "--lazy", str(folder))


def fill(folder: Path) -> None:
    """Take all the space that is left in a folder."""
    with (folder / FILLER).open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return


def free(folder: Path) -> None:
    """Give it back."""
    (folder / FILLER).unlink()
