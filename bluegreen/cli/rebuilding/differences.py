"""How a container differs from what the config would make: in all that the plugin does not read.

Pure functions of the inputs and of what `docker inspect` says. Values are never told: they may be
secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bluegreen.docker.facts import FINGERPRINT_LABEL, STACK_LABEL

# Of a stack whose state is lost: its id, and what was made with its key.
THEIR_OWN = (STACK_LABEL, FINGERPRINT_LABEL)

Inputs = Mapping[str, Any]
Inspected = Mapping[str, Any]


def differences(inputs: Inputs, there: Inspected, image_env: list[str]) -> list[str]:
    """Names of what is not as the inputs have it, as the config calls it; empty when all is.

    Args:
        inputs: of the resource docker.Container, as the plugin checked them.
        there: one container of `docker inspect`.
        image_env: the environment that the container's image brings.
    """
    host = there["HostConfig"]
    nano_cpus = round(float(inputs.get("cpus") or 0) * 1e9)
    binding = {
        "ports": _ports(inputs) != _bindings(host.get("PortBindings") or {}),
        "volumes": _volumes(inputs) != _mounted(there.get("Mounts") or []),
        "limits.memory": int(inputs.get("memory") or 0) << 20 != host.get("Memory", 0),
        "limits.cpus": nano_cpus != host.get("NanoCpus", 0),
        "network": inputs.get("networkMode") != host.get("NetworkMode"),
    }
    other = [what for what, differs in binding.items() if differs]
    other += [f"env {name}" for name in _variables(inputs, there, image_env)]
    return other + [f"label {name}" for name in _labels(inputs, there)]


def _ports(inputs: Inputs) -> set[tuple[str, str, str]]:
    return {
        (f"{int(each['internal'])}/{each['protocol']}", each["ip"], str(int(each["external"])))
        for each in inputs.get("ports") or []
    }


def _bindings(bound: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (port, each["HostIp"], each["HostPort"]) for port, all_ in bound.items() for each in all_
    }


def _volumes(inputs: Inputs) -> set[tuple[str, str]]:
    return {(each["volumeName"], each["containerPath"]) for each in inputs.get("volumes") or []}


def _mounted(mounts: list[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(each.get("Name", ""), each["Destination"]) for each in mounts}


def _variables(inputs: Inputs, there: Inspected, image_env: list[str]) -> list[str]:
    wished = _pairs([*image_env, *(inputs.get("envs") or [])])
    has = _pairs(there["Config"].get("Env") or [])
    return sorted(name for name in wished.keys() | has.keys() if wished.get(name) != has.get(name))


def _pairs(variables: list[str]) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in variables)


def _labels(inputs: Inputs, there: Inspected) -> list[str]:
    has = there["Config"].get("Labels") or {}
    wished = {each["label"]: each["value"] for each in inputs.get("labels") or []}
    said = {name: value for name, value in wished.items() if name not in THEIR_OWN}
    return sorted(name for name, value in said.items() if has.get(name) != value)


def is_other_image(name: str, identity: str, tags: Sequence[str], *, exact: bool) -> bool:
    """Whether what runs is surely not the image that the config names.

    An image without a tag may be what a tag was moved away from: that is none.

    Args:
        name: of the image in the config.
        identity: of the image that runs.
        tags: that it has now.
        exact: whether another tag of the same repository means another version; not for the live
            color, whose version the edge knows.
    """
    if name.startswith("sha256:"):
        return name != identity
    if "@" in name or not tags or name in tags:
        return False
    return exact or all(tag.rpartition(":")[0] != name.rpartition(":")[0] for tag in tags)
