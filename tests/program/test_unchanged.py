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
from tests.program.harness import FIRST, NAME, ROOT, edge_tar, refusal, run_program
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
    rendered = render(settings, cast("Color", live), NAME, ROOT, upstream)
    config = stamp(rendered, rendered, 3, "then")
    (docker.folder / "tar").write_bytes(edge_tar(config))
    docker.does("cp", f"cat '{docker.folder}/tar'")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stack_from_before_keeps_its_colors_and_has_its_edge_replaced_once(
    docker: FakeDocker, name: str
) -> None:
    """Its edge is named by the guard; nothing else of it is touched."""
    before = json.loads(BEFORE.read_text())[name]
    runs(docker, before, CONFIGS[name]["active_color"])
    config = CONFIGS[name] | IMAGES
    assert "the edge is from before switches" in refusal(config, previous=before["outputs"])
    run = run_program(config | {"allow_in_place": True}, previous=before["outputs"])
    made_of = {
        part: run.outputs["fingerprints"][part] for part in before["outputs"]["fingerprints"]
    }
    new = {"switch", "nginx"}
    made_of["edge"] = {part: said for part, said in made_of["edge"].items() if part not in new}
    assert made_of == before["outputs"]["fingerprints"]
    for part in made_of.keys() - {"edge"}:
        assert set(OWN_CONTAINER) <= set(run[part].options.ignoreChanges)
    found = set(run.resources) - set(before["declared"])
    assert found == {"identity", "edge-holder", "edge-relief", "edge-relieved"}
    assert run.inputs("data-step")["act"] == "" if "data-step" in run.resources else True
