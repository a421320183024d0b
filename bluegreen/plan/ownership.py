"""Whose is what Docker has: this stack's, by its state or by its id, or another's.

A stack has an id of its own: the first resource it makes, so that its state has it before Docker
has anything. What a killed update left carries that id and is in no state; what another state
made carries another id, or none, and nothing of it is ever taken away. Asked, never changed here.
"""

import hashlib
import hmac
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bluegreen.docker.facts import Thing

EXPORT_SECONDS = 30
READ_TRIES, READ_PAUSE = 20, 0.1
IDENTITY = "bluegreen:Identity"
# Docker's listings shorten these ids.
SHORTENED = ("service", "secret", "config")


@dataclass(frozen=True)
class StackState:
    """What a stack's state says.

    Attributes:
        ids: of all its resources.
        owner: the stack's id; "" where it has none yet.
        key: by which fingerprints in labels are keyed; "" where it has none yet.
        prefix: of what it has in Docker; "" where it has nothing there.
    """

    ids: frozenset[str] = frozenset()
    owner: str = ""
    key: str = field(default="", repr=False)
    prefix: str = ""

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> "StackState":
        """Take it from an exported deployment."""
        owner = key = prefix = ""
        resources = deployment.get("resources") or []
        for resource in resources:
            kind, outputs = resource.get("type", ""), resource.get("outputs") or {}
            if kind.endswith(IDENTITY):
                owner, key = str(resource.get("id", "")), _plain(outputs.get("key"))
            elif kind == "docker:index/network:Network":
                prefix = str(outputs.get("name") or (resource.get("inputs") or {}).get("name", ""))
        ids = frozenset(str(resource.get("id")) for resource in resources)
        return cls(ids, owner, key, prefix)

    def knows(self, thing: Thing) -> bool:
        """Whether it is one of its resources."""
        if thing.kind in SHORTENED:
            return any(each.startswith(thing.identity) for each in self.ids)
        return thing.identity in self.ids

    def leftovers(self, things: Iterable[Thing]) -> list[Thing]:
        """What an update of this stack made that was killed before the state knew of it."""
        return [t for t in things if self.owner and t.owner == self.owner and not self.knows(t)]

    def foreign(self, things: Iterable[Thing]) -> list[Thing]:
        """What another state made, or nobody knows who."""
        return [t for t in things if not self.knows(t) and (not t.owner or t.owner != self.owner)]


def _plain(value: Any) -> str:
    """A secret as `pulumi stack export --show-secrets` has it."""
    if isinstance(value, Mapping):
        text = value.get("plaintext")
        return str(json.loads(text)) if text else ""
    return str(value or "")


def keyed(key: str, digest: str) -> str:
    """A fingerprint for a label: without the key nobody can try what it may be of."""
    return hmac.new(key.encode(), digest.encode(), hashlib.sha256).hexdigest()


def read_state(stack: str) -> StackState | None:
    """Export the stack's state; None where that cannot be had."""
    command = ["pulumi", "stack", "export", "--show-secrets", "--stack", stack, "--non-interactive"]
    for _ in range(READ_TRIES):
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=EXPORT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            return StackState.of(json.loads(done.stdout).get("deployment") or {})
        if "checkpoint" not in done.stderr:
            return None
        # The engine writes the state at the same time, as in `update.read_previous`.
        time.sleep(READ_PAUSE)
    return None


def foreign_reason(things: Iterable[Thing], stack: str) -> str:
    """Why nothing of another state may be touched, and the ways on."""
    found = list(things)
    names = ", ".join(f"{thing.kind} {thing.name}" for thing in found)
    owners = sorted({thing.owner for thing in found} - {""})
    whose = (
        f"another stack created it ({', '.join(owners)})" if owners else "it carries no stack id"
    )
    backend = re.sub(r"//[^/@]*@", "//", os.environ.get("PULUMI_BACKEND_URL", ""))
    here = f"this one is stack {stack} in {backend or 'the backend of `pulumi whoami -v`'}"
    return (
        f"{names}: Docker has it, this stack's state does not, and {whose}. Nothing of it is "
        f"removed. Next: use the state that created it ({here}; check PULUMI_BACKEND_URL), or, if "
        f"that state is lost, `bluegreen recover --rebuild-state --stack {stack}`"
    )


def leftover_reason(things: Iterable[Thing], stack: str) -> str:
    """What a killed update left in the way, and the command that removes it."""
    names = ", ".join(f"{thing.kind} {thing.name}" for thing in things)
    return (
        f"{names}: left by a killed update of this stack, and in the way. "
        f"Next: `bluegreen recover --stack {stack}`, then this command again"
    )
