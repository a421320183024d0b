"""Names of images: of a registry by tag or digest, or built here, by what they are built from."""

import hashlib
import json
from pathlib import Path

from bluegreen.config.settings import Color, Settings

_NO_CONTENT = {".git", "__pycache__"}


def content_digest(path: Path, extra: str = "") -> str:
    """One digest over a file, or all files below a folder with their names and modes."""
    total = hashlib.sha256(extra.encode())
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        place = file.relative_to(path)
        if _NO_CONTENT.isdisjoint(place.parts):
            total.update(f"{place}\0{file.stat().st_mode & 0o111}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def image_reference(image: str, version: str) -> str:
    """An image with its version, which is a tag or a digest."""
    return f"{image}@{version}" if version.startswith("sha256:") else f"{image}:{version}"


def built_name(name: str, settings: Settings, color: Color, root: Path) -> str:
    """The name of a built image.

    It changes with what the image is built from, so that a new build never takes the name of
    one that is in use.
    """
    build = settings.build
    assert build
    args = json.dumps([build.dockerfile, build.version_arg, dict(build.args)], sort_keys=True)
    digest = content_digest(root / build.context, args)[:8]
    version = settings.versions[color].replace(":", "-")
    return f"{name}-{color}:{version}-{digest}"


def image_of(name: str, settings: Settings, color: Color, root: Path) -> str:
    """The full name of the image that a color runs."""
    if settings.build:
        return built_name(name, settings, color, root)
    return image_reference(settings.image, settings.versions[color])
