"""The Pulumi CLI, its Python language host and the two plugins, built from Go modules.

For machines that reach package registries only. The sources are in `go/`; what comes out is a
folder with `bin`, for PATH, and `home`, for PULUMI_HOME, that appears when it is complete.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.setup.errors import ToolchainError
from tools.setup.golang import ensure_go
from tools.setup.machine import Machine, Stopwatch
from tools.setup.pins import GO_SOURCES, Pins
from tools.setup.places import Places

SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# The scripts that start a Python program, and a dynamic provider, from the SDK's module.
SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
)
# Names as in the official builds; no_compose leaves out a resource that the SDK does not have and
# that brings in half of Docker Compose.
CLI_TAGS, PLUGIN_TAGS = "osusergo,grpcnotrace", "no_compose"
# Stripped, and without making first what is then stripped.
SMALL = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"]
# The compiler has memory to spare; collecting less garbage makes it a tenth faster.
BUILD_ENV = {"CGO_ENABLED": "0", "GOGC": "400"}


@dataclass(frozen=True)
class Build:
    """One build in progress."""

    machine: Machine
    pins: Pins
    go: Path
    env: dict[str, str]
    out: Path

    @property
    def sources(self) -> Path:
        """Our Go code and the modules' pins."""
        return self.machine.places.repo / GO_SOURCES

    @property
    def bin(self) -> Path:
        """For PATH."""
        return self.out / "bin"


def build(machine: Machine, pins: Pins) -> Path:
    """Build all of it, once per version; the folder for PATH."""
    target = folder(machine.places, pins)
    if target.is_dir():
        return target / "bin"
    machine.report.say("pulumi: building it from Go modules, which takes a few minutes, once")
    took = Stopwatch()
    machine.places.cache.mkdir(parents=True, exist_ok=True)
    go, env = ensure_go(machine)
    with tempfile.TemporaryDirectory(dir=machine.places.cache, prefix="pulumi-") as scratch:
        work = Build(machine, pins, go, {**BUILD_ENV, **env}, Path(scratch) / "pulumi")
        work.bin.mkdir(parents=True)
        # While the plugins compile, what the CLI needs on top is downloaded. Compiling both at
        # once would compile what they share twice.
        with ThreadPoolExecutor() as pool:
            download = pool.submit(fetch_cli, work)
            built = build_plugins(work)
            download.result()
        build_cli(work)
        copy_scripts(work)
        install_plugins(work, built)
        work.out.replace(target)
    plugins = ", ".join(f"{name} {version}" for name, version in pins.plugins.items())
    machine.report.say(f"pulumi: CLI {pins.cli} and plugins {plugins} built, {took}")
    return target / "bin"


def fetch_cli(work: Build) -> None:
    """Download the modules that the CLI is made of."""
    args: list[str | Path] = [work.go, "list", "-deps", "-tags", CLI_TAGS, CLI_PACKAGE]
    work.machine.commands.run(args, "go-download-cli", env=work.env, cwd=work.sources / "cli")


def build_plugins(work: Build) -> Path:
    """Compile our three programs; the folder they are in."""
    versions = {**work.pins.plugins, "language": work.pins.cli}
    flags = [f"-X main.{name}Version={version}" for name, version in versions.items()]
    out = work.out.parent / "plugins"
    go_build(work, "plugins", [*tags_and_flags(PLUGIN_TAGS, flags), "-o", f"{out}/", "./..."])
    shutil.move(out / "language", work.bin / "pulumi-language-python")
    return out


def build_cli(work: Build) -> None:
    """Compile the CLI, mostly from what the plugins have left in Go's cache."""
    flags = [f"-X {SDK_MODULE}/go/common/version.Version=v{work.pins.cli}"]
    out = str(work.bin / "pulumi")
    go_build(work, "cli", [*tags_and_flags(CLI_TAGS, flags), "-o", out, CLI_PACKAGE])


def tags_and_flags(tags: str, variables: list[str]) -> list[str]:
    """Build tags, and what the linker sets."""
    return ["-tags", tags, "-ldflags", " ".join(["-s", "-w", *variables])]


def go_build(work: Build, module: str, args: list[str]) -> None:
    """Run `go build` in one of our modules."""
    command: list[str | Path] = [work.go, "build", *SMALL, *args]
    work.machine.commands.run(
        command, f"go-build-{module}", env=work.env, cwd=work.sources / module
    )


def copy_scripts(work: Build) -> None:
    """Put the SDK's scripts where the CLI and the language host look for them: beside them."""
    answered, sdk = work.machine.commands.ask(
        [work.go, "-C", work.sources / "cli", "list", "-m", "-f", "{{.Dir}}", SDK_MODULE], work.env
    )
    if not answered:
        raise ToolchainError(f"Go does not say where {SDK_MODULE} is: {sdk}")
    for script in SCRIPTS:
        copy = work.bin / Path(script).name
        shutil.copyfile(Path(sdk) / script, copy)
        copy.chmod(0o755)


def install_plugins(work: Build, built: Path) -> None:
    """Hand the plugins to the CLI under the versions that the Python packages ask for."""
    env = {
        "PULUMI_HOME": str(work.out / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PATH": f"{work.bin}:{work.machine.commands.environ['PATH']}",
    }
    for name, version in work.pins.plugins.items():
        program = (built / name).rename(built / f"pulumi-resource-{name}")
        install: list[str | Path] = [
            work.bin / "pulumi",
            "plugin",
            "install",
            "resource",
            name,
            version,
        ]
        work.machine.commands.run([*install, "--file", program], f"pulumi-plugin-{name}", env=env)


def folder(places: Places, pins: Pins) -> Path:
    """Where a build of these sources and versions goes."""
    sources = places.repo / GO_SOURCES
    digest = hashlib.sha256(repr((pins, CLI_TAGS, PLUGIN_TAGS)).encode())
    for file in sorted(path for path in sources.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(sources)).encode() + b"\0" + file.read_bytes())
    return places.cache / f"pulumi-{pins.cli}-{digest.hexdigest()[:12]}"
