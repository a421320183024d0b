"""What Docker has for a resource of the program, and how it differs from what the config says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as proto

from bluegreen.cli.rebuilding.acts import Known, remember
from bluegreen.cli.rebuilding.differences import differences, is_other_image
from bluegreen.cli.rebuilding.plugin import CONTAINER, UNKNOWN, Plugin, kind_of, name_of
from bluegreen.config.settings import Docker
from bluegreen.docker.facts import LABEL
from bluegreen.docker.shell import ask
from bluegreen.errors import BluegreenError, EdgeUnreachable
from bluegreen.platforms.own import OWN_HOLDER, OWN_VOLUME

IMAGE = "image"
TAR_HEADER = 512
# What is an id to Docker; of what a Swarm keeps it is called otherwise.
MARKED = {
    "network": f'{{{{index .Labels "{LABEL}"}}}}',
    **dict.fromkeys(("service", "secret", "config"), f'{{{{index .Spec.Labels "{LABEL}"}}}}'),
}
SHAPES = {"container": "{{.Id}}", "network": "{{.Id}}", "volume": "{{.Name}}"}
KINDS = {
    CONTAINER: "container",
    "docker:index/network:Network": "network",
    "docker:index/volume:Volume": "volume",
    "docker:index/remoteImage:RemoteImage": IMAGE,
    "docker:index/service:Service": "service",
    "docker:index/secret:Secret": "secret",
    "docker:index/serviceConfig:ServiceConfig": "config",
}


@dataclass(frozen=True)
class Found:
    """One resource as the state will have it; no identity: it is not there.

    Attributes:
        what: as a phrase, such as "container bluegreen-dev-blue"; "" for what is not in Docker.
        trouble: why it cannot be brought in; "" when it can.
    """

    identity: str
    inputs: struct_pb2.Struct
    outputs: struct_pb2.Struct
    what: str = ""
    trouble: str = ""


@dataclass
class Search:
    """Finds each resource that the engine asks for; keeps what it found, by urn."""

    service: str
    known: Known
    found: dict[str, Found] = field(default_factory=dict)

    def __call__(self, plugin: Plugin | None, urn: str, inputs: struct_pb2.Struct) -> Found:
        """Find one; called from several threads, for one resource each."""
        if plugin and kind_of(urn).startswith("docker:"):
            live = self.known.live.color if self.known.live else ""
            found = _in_docker(plugin, self.service, urn, inputs, live)
        else:
            act = remember(urn, json_format.MessageToDict(inputs), self.known)
            found = Found(act.identity, _struct(act.inputs), _struct(act.outputs))
        self.found[urn] = found
        return found

    @property
    def troubles(self) -> list[str]:
        """Why not all can be brought in, a phrase each; empty when it can."""
        return sorted(found.trouble for found in self.found.values() if found.trouble)

    @property
    def brought_in(self) -> list[str]:
        """What of Docker the state will have, a phrase each."""
        return sorted(found.what for found in self.found.values() if found.what)


def _in_docker(
    plugin: Plugin, service: str, urn: str, inputs: struct_pb2.Struct, live: str
) -> Found:
    kind, part = KINDS.get(kind_of(urn), ""), name_of(urn)
    name = str(inputs["name"]) if "name" in inputs else ""
    if not kind or not name or UNKNOWN in name:
        raise BluegreenError(f"a state cannot be rebuilt with {part} in it")
    what = f"{kind} {name}"
    if kind == IMAGE:
        return _image(plugin, f"{service}-{part.removeprefix('image-')}", urn, inputs, live)
    identity = _inspect(plugin.docker, kind, name, SHAPES.get(kind, "{{.ID}}"))
    read = plugin.read(urn, identity, inputs) if identity else proto.ReadResponse()
    if not read.id:
        return Found("", inputs, inputs, what, f"{what} is not there")
    if kind in MARKED and _inspect(plugin.docker, kind, name, MARKED[kind]) != service:
        return Found(
            "", inputs, inputs, what, f"{what} does not belong to this service: it lacks its label"
        )
    kept = struct_pb2.Struct()
    kept.CopyFrom(inputs)
    changed = plugin.compare(urn, read.id, read.properties, kept)
    for key in set(changed) & left_alone(kind, part) & set(read.properties):
        kept.fields[key].CopyFrom(read.properties.fields[key])
    if changed:
        changed = plugin.compare(urn, read.id, read.properties, kept)
    if kind == "container":
        looked_at = {
            key: value
            for key, value in json_format.MessageToDict(kept).items()
            if key not in left_alone(kind, part)
        }
        changed += _not_read(plugin.docker, name, looked_at)
    trouble = f"{what} differs from the config: {', '.join(changed)}" if changed else ""
    return Found(read.id, kept, read.properties, what, trouble)


def _image(plugin: Plugin, runs_it: str, urn: str, inputs: struct_pb2.Struct, live: str) -> Found:
    """The image that a container runs, under the name that it has in the program.

    The tag may have moved on to another image, or be gone.
    """
    name, docker = str(inputs["name"]), plugin.docker
    identity = _inspect(docker, "container", runs_it, "{{.Image}}")
    identity = identity or _inspect(docker, IMAGE, name)
    if not identity:
        return Found("", inputs, inputs, trouble=f"image {name} is not there")
    outputs = plugin.read(urn, f"{identity}{name}", inputs).properties
    if "name" not in outputs:  # nothing has this tag any more
        outputs.CopyFrom(inputs)
    outputs.update({"imageId": identity, "id": f"{identity}{name}"})
    tags = json.loads(_inspect(docker, IMAGE, identity, "{{json .RepoTags}}") or "[]") or []
    # An image that is built has a name of its own for each content, which never moves.
    exact = "build" in inputs or not runs_it.endswith(f"-{live}")
    trouble = ""
    if is_other_image(name, identity, tags, exact=exact):
        has = " or ".join(tags) or identity
        trouble = f"{runs_it} runs {has}, the config says {name}"
    return Found(f"{identity}{name}", inputs, outputs, trouble=trouble)


def left_alone(kind: str, part: str) -> set[str]:
    """What the program does not look at again in a resource's later life (`ignore_changes`).

    In the state this has to be as it is in Docker: the engine hands it back to the plugin as what
    is wished, and another wish would make the thing anew.
    """
    if kind == "container" and part.endswith("-holder"):
        return set(OWN_HOLDER)
    if kind == "container" and part.startswith("edge"):
        return {"uploads", "entrypoints"}
    if kind == "volume":
        return set(OWN_VOLUME)
    if kind == "service":
        return {"mode", "labels"}
    return {"labels"} if kind in ("network", "secret", "config") else set()


def _not_read(docker: Docker, name: str, inputs: Mapping[str, Any]) -> list[str]:
    """How a container differs from its inputs in what the plugin does not read back."""
    there = json.loads(_inspect(docker, "container", name, "{{json .}}"))
    image_env = json.loads(_inspect(docker, IMAGE, there["Image"], "{{json .Config.Env}}") or "[]")
    changed = differences(inputs, there, image_env or [])
    for each in inputs.get("uploads") or []:
        done = ask(docker, "cp", f"{name}:{each['file']}", "-")
        content = done.stdout[TAR_HEADER:].rstrip("\0") if done.returncode == 0 else None
        if content != each["content"].rstrip("\0"):
            changed.append(f"file {each['file']}")
    return changed


def _inspect(docker: Docker, kind: str, name: str, shape: str = "{{.Id}}") -> str:
    """Something that Docker knows of a thing; "" when it has none of this name.

    Raises:
        EdgeUnreachable: Docker does not say.
    """
    done = ask(docker, kind, "inspect", "--format", shape, name)
    if done.returncode == 0:
        return done.stdout.strip()
    if "o such" in done.stderr or "not found" in done.stderr:
        return ""
    raise EdgeUnreachable(f"{kind} {name}: {done.stderr.strip()}; nothing was changed")


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made
