"""An update as it happens, in the release's own words: a line for each phase, with its time."""

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from pulumi.automation.events import EngineEvent
from rich.console import Console

# A resource's name, and what its being made or changed is called.
PHASES = {
    "network": "network",
    "edge": "edge",
    "data-step": "data",
    "gate": "gate",
    "switch": "switch, bake and drain",
}
QUIET = {"same", "read", "refresh"}


class Progress:
    """Takes the engine's events; tells each phase once it has begun and once it has ended."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tell to standard output: lines for people, or with as_json one event a line.

        A quiet one tells nothing, and keeps the errors.
        """
        self._quiet = quiet
        self.errors: list[str] = []
        self._as_json, self._clock = as_json, clock
        self._begun: dict[str, float] = {}
        self._phases: dict[str, str] = {}
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._end(event.res_outputs_event.metadata, "done")
        elif event.res_op_failed_event:
            self._end(event.res_op_failed_event.metadata, "failed")
        elif event.diagnostic_event:
            self._diagnose(event.diagnostic_event)

    def tell(self, kind: str, text: str, **values: Any) -> None:
        """Tell one thing."""
        if self._quiet:
            return
        if self._as_json:
            print(json.dumps({"event": kind, "text": text, **values}), flush=True)
        else:
            style = {"failed": "bold red", "done": "green", "progress": "dim"}.get(kind, "")
            self._console.print(text, style=style, markup=False)

    def _begin(self, metadata: Any) -> None:
        phase = _phase(metadata)
        if phase:
            self._begun[metadata.urn + str(metadata.op)] = self._clock()
            self._phases[metadata.urn] = phase
            self.tell("begun", f"{phase} …", phase=phase)

    def _end(self, metadata: Any, how: str) -> None:
        phase = _phase(metadata)
        begun = self._begun.pop(metadata.urn + str(metadata.op), None)
        self._phases.pop(metadata.urn, None)
        if phase and begun is not None:
            seconds = self._clock() - begun
            self.tell(
                how, f"{phase} {how}, {seconds:.1f} s", phase=phase, seconds=round(seconds, 1)
            )

    def _under_way(self) -> str:
        """The phase that a provider of ours is in; "" without one."""
        ours = (PHASES["data-step"], PHASES["gate"])
        return next((phase for phase in self._phases.values() if phase in ours), "")

    def _diagnose(self, event: Any) -> None:
        text = re.sub(r"<\{%[^%]*%\}>", "", event.message).strip()
        source = (event.urn or "").rpartition("::")[2]
        if not text or event.severity == "debug":  # the SDK's own
            return
        if event.severity == "error":
            text = text.removeprefix("error: ")
            if not re.match(r"(an unhandled error|update failed|preview failed)", text):
                self.errors.append(text)
        elif source == "switch" and not text.startswith("{"):
            self.tell("progress", f"  {text}", phase=PHASES[source])
        elif not event.urn and (phase := self._under_way()):
            # A provider's words carry no resource: they are of what it is doing just now.
            self.tell("progress", f"  {text}", phase=phase)


def _phase(metadata: Any) -> str:
    """What a step is called; "" for one that is of no interest to a release."""
    name = metadata.urn.rpartition("::")[2]
    op = str(getattr(metadata.op, "value", metadata.op))
    if op in QUIET or "::providers:" in metadata.urn:
        return ""
    if name in ("blue", "green"):
        kind = "service" if "docker:index/service:" in metadata.urn else "container"
        return f"{name} {'retired' if op.startswith('delete') else kind}"
    match = re.fullmatch(r"(edge\S*)-(holder|relief|relieved)", name)
    if match:
        edge, part = match[1].replace("-", " ", 1), match[2]
        # At first there is nothing to relieve.
        shown = not op.startswith("delete") and (part == "holder" or op == "update")
        words = {"holder": "ports of", "relief": "relief for", "relieved": "end of the relief for"}
        return f"{words[part]} {edge}" if shown else ""
    match = re.fullmatch(r"(edge|scale)-(\S+)", name)
    if match and not name.endswith("-config"):
        what = "edge" if match[1] == "edge" else "replicas of"
        return "" if op.startswith("delete") else f"{what} {match[2]}"
    if name.startswith("image-"):
        return f"image of {name.removeprefix('image-')}" if op.startswith("create") else ""
    return PHASES.get(name, "") if not op.startswith("delete") else ""
