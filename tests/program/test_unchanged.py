"""A stack that an older program made goes on as it is.

`before-clusters.json` is what the program declared and put out before there were clusters (commit
4ee8982), for some configs.
"""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from bluegreen.config.settings import Color
from bluegreen.edge.render import render, stamp
from bluegreen.plan.fingerprint import digest_of
from bluegreen.platforms import of
from bluegreen.platforms.own import OWN_CONTAINER
from tests.program.harness import FIRST, NAME, ROOT, edge_tar, run_program
from tests.unit.conftest import FakeDocker
from tests.unit.examples import make_settings

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


def runs(docker: FakeDocker, before: dict[str, Any], live: str) -> None:
    """Let Docker have what that program made, with the labels that it gave."""
    made_of = before["outputs"]["fingerprints"]
    rows = [
        rf"printf 'id-{part}\t{NAME}-{part}\trunning\t\t{digest_of(parts)}\t\n'"
        for part, parts in made_of.items()
    ]
    docker.does("ps", "\n".join(rows))
    settings = make_settings(**FIRST)
    upstream = of(settings).upstream
    config = stamp(render(settings, cast("Color", live), NAME, ROOT, upstream), 3, "then")
    (docker.folder / "tar").write_bytes(edge_tar(config))
    docker.does("cp", f"cat '{docker.folder}/tar'")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stack_from_before_keeps_its_edge_and_its_colors(docker: FakeDocker, name: str) -> None:
    """Pulumi may not replace them, whatever this program would call or label them today."""
    before = json.loads(BEFORE.read_text())[name]
    live = CONFIGS[name]["active_color"]
    runs(docker, before, live)
    run = run_program(CONFIGS[name] | IMAGES, previous=before["outputs"])
    assert run.outputs["fingerprints"] == before["outputs"]["fingerprints"]
    for part in before["outputs"]["fingerprints"]:
        assert set(OWN_CONTAINER) <= set(run[part].options.ignoreChanges)
    assert set(run.resources) - set(before["declared"]) == {"identity"}
    assert run.inputs("data-step")["act"] == "" if "data-step" in run.resources else True
