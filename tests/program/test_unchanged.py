"""A stack on one machine from before there were clusters sees no difference.

`before-clusters.json` is what the program declared and put out then (commit 4ee8982), for some
configs; `described` made it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.program.harness import Run, run_program

BEFORE = Path(__file__).with_name("before-clusters.json")
TOOLS = {"tools_image": "python:3.13-slim"}
CONFIGS: dict[str, dict[str, Any]] = {
    "smallest": {"active_color": "blue", "blue_version": "12.4.0", "data": TOOLS},
    "standby": {
        "active_color": "green",
        "blue_version": "12.3.0",
        "green_version": "12.4.0",
        "standby": "keep",
        "preview_port": "8091",
        "blue_port": "3003",
        "data": TOOLS,
        "grafana_ini": "grafana.ini",
        "limits": {"memory": 256, "cpus": 1.5},
        "subnet": "10.87.3.0/28",
    },
    "clone": {"active_color": "blue", "blue_version": "12.4.0", "data": TOOLS | {"mode": "clone"}},
    "no data": {
        "active_color": "blue",
        "blue_version": "1",
        "data_path": "",
        "data": TOOLS,
        "http_port": "8080",
    },
}
# Whatever this machine's default images are.
IMAGES = {"image": "grafana/grafana", "edge_image": "nginx:1.30.6"}
# The program's own Python, and its provider's code: of the machine, not of the stack.
OF_THE_MACHINE = ("create", "__provider")


def described(run: Run) -> dict[str, Any]:
    """What a run declared, in plain values."""
    declared = {
        name: {
            "type": resource.type,
            "inputs": {k: v for k, v in resource.inputs.items() if k not in OF_THE_MACHINE},
            "after": sorted(resource.depends_on),
            "ignores": list(resource.options.ignoreChanges),
        }
        for name, resource in run.resources.items()
    }
    found: dict[str, Any] = json.loads(
        json.dumps({"declared": declared, "outputs": run.outputs}, sort_keys=True)
    )
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stack_on_one_machine_declares_what_it_always_did(name: str) -> None:
    """Resources, their inputs, their order and the stack's outputs: the same to the letter."""
    before = json.loads(BEFORE.read_text())[name]
    assert described(run_program(CONFIGS[name] | IMAGES)) == before
