"""Where this machine takes packages from, so that a fresh root beside it can take them there too.

All of it is read while this runs: which mirrors, proxies and certificates there are is a machine's
own affair. Credentials are not looked for.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.setup.errors import Missing
from tools.setup.machine import Machine

VARIABLES = re.compile(
    r"(https?|all|no)_proxy|(SSL_CERT|PIP|npm_config)_\w+|(CURL|REQUESTS)_CA_BUNDLE", re.IGNORECASE
)
GO_VARIABLES = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE")
APT_OPTIONS = re.compile(r"^(Acquire::(?:https?::|Check-|Retries).*);$", re.MULTILINE)
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PIP_FILES = (Path("/etc/pip.conf"), Path("~/.config/pip/pip.conf"), Path("~/.pip/pip.conf"))


@dataclass(frozen=True)
class Registries:
    """Settings of this machine."""

    apt_sources: tuple[str, ...]
    """Lines of a sources.list for the suite that was asked for."""
    apt_options: tuple[str, ...]
    """Lines of an apt.conf, without their semicolons."""
    environment: Mapping[str, str]
    """For pip, Go and npm, with the proxies."""

    @classmethod
    def of(cls, machine: Machine, own_suite: str, suite: str) -> Registries:
        """Ask apt and Go; the mirrors are those of this machine's own suite.

        Raises:
            Missing: apt has no source for this machine's suite.
        """
        template = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
        _, answer = machine.commands.ask(
            ["apt-get", "indextargets", "--format", template, "Created-By: Packages"]
        )
        sources = [
            f"deb {line.replace(f' {own_suite}', f' {suite}', 1)}"
            for line in answer.splitlines()
            if f" {own_suite}" in line
        ]
        if not sources:
            raise Missing(
                f"apt on this machine names no source of {own_suite}, from which those of {suite} "
                f"could be told. It said: {answer or 'nothing'}"
            )
        _, options = machine.commands.ask(["apt-config", "dump"])
        found = {
            name: value for name, value in machine.environ.items() if VARIABLES.fullmatch(name)
        }
        if machine.find("go"):
            answered, values = machine.commands.ask(["go", "env", *GO_VARIABLES])
            if answered:
                asked = dict(zip(GO_VARIABLES, values.split("\n"), strict=False))
                found |= {name: value for name, value in asked.items() if value}
        return cls(tuple(sources), tuple(APT_OPTIONS.findall(options)), found)


def carry_files(root: Path, home: str) -> None:
    """Copy certificates and pip's settings to the same places in another root."""
    if CERTIFICATES.is_dir():
        shutil.copytree(CERTIFICATES, at(root, CERTIFICATES), dirs_exist_ok=True)
    for file in PIP_FILES:
        if file.expanduser().is_file():
            target = at(root, Path(str(file).replace("~", home)))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.expanduser(), target)


def at(root: Path, path: Path) -> Path:
    """An absolute path below another root."""
    return root / path.relative_to("/")
