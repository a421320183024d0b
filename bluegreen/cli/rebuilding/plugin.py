"""One of Pulumi's plugins, run and asked as the engine does it: a process that answers gRPC."""

import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import provider_pb2_grpc as service

from bluegreen.config.settings import Docker
from bluegreen.errors import PluginMissing

MOST_BYTES = 400 << 20  # the engine's own bound
OPTIONS = [
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.max_send_message_length", MOST_BYTES),
]
STOP_SECONDS = 5
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # the engine's word for: known afterwards
CONTAINER = "docker:index/container:Container"


class Plugin:
    """The running plugin of a package (docker, command)."""

    def __init__(self, package: str, engine: str) -> None:
        """Start it; `engine` is the address that it reports to."""
        binary = find(package)
        self.folder = str(binary.parent)
        self.docker = Docker()
        self._process = subprocess.Popen(
            [str(binary), engine], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert self._process.stdout
        port = self._process.stdout.readline().decode().strip()
        if not port.isdigit():
            self.stop()
            raise PluginMissing(f"the plugin {binary} does not start")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
        self._stub = service.ResourceProviderStub(self._channel)

    def forward(self, method: str, request: bytes, metadata: Any) -> bytes:
        """Pass one call on as it is."""
        plain = self._channel.unary_unary(method)
        answer: bytes = plain(request, metadata=metadata)
        return answer

    def configured(self, request: bytes) -> None:
        """Take which Docker the engine configures it for."""
        given = json_format.MessageToDict(proto.ConfigureRequest.FromString(request).args)
        self.docker = Docker(
            host=given.get("host", ""),
            context=given.get("context", ""),
            cert_path=given.get("certPath", ""),
        )

    def read(self, urn: str, identity: str, inputs: struct_pb2.Struct) -> proto.ReadResponse:
        """What there is by this id, as a state keeps it once it was made; no id: nothing is."""
        kind, name = kind_of(urn), name_of(urn)
        # What cannot be read stays as the plugin would have made it, which a preview tells.
        preview = proto.CreateRequest(
            urn=urn, name=name, type=kind, properties=inputs, preview=True
        )
        planned = self._stub.Create(preview).properties
        for key in [key for key, value in planned.fields.items() if _is_unknown(value)]:
            del planned.fields[key]
        planned.fields.pop("__meta", None)  # of the plan, not of what there is
        if kind == CONTAINER and "envs" not in planned:
            planned.update({"envs": []})  # none, and not: whatever there is
        asked = proto.ReadRequest(
            id=identity, urn=urn, name=name, type=kind, inputs=inputs, properties=planned
        )
        answer: proto.ReadResponse = self._stub.Read(asked)
        return answer

    def compare(
        self, urn: str, identity: str, there: struct_pb2.Struct, wished: struct_pb2.Struct
    ) -> list[str]:
        """Which properties of what is there an update would change, or replace it for."""
        asked = proto.DiffRequest(
            id=identity,
            urn=urn,
            name=name_of(urn),
            type=kind_of(urn),
            olds=there,
            news=wished,
            old_inputs=wished,
        )
        answer = self._stub.Diff(asked)
        if answer.changes != proto.DiffResponse.DIFF_SOME:
            return []
        return sorted({*answer.diffs, *answer.replaces}) or ["something"]

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _is_unknown(value: struct_pb2.Value) -> bool:
    """Whether any part of a value is known only after it was made."""
    return UNKNOWN in json_format.MessageToJson(value)


def kind_of(urn: str) -> str:
    """A resource's type, such as docker:index/volume:Volume."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """A resource's name in the program."""
    return urn.rpartition("::")[2]


def find(package: str) -> Path:
    """Where a plugin's program is: of the version that the program's own SDK asks for."""
    version = metadata.version(f"pulumi_{package}")
    name = f"pulumi-resource-{package}"
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    installed = home / "plugins" / f"resource-{package}-v{version}" / name
    if installed.is_file():
        return installed
    if on_path := shutil.which(name):
        return Path(on_path)
    raise PluginMissing(
        f"Pulumi's plugin {package} {version} is not installed",
        todo=f"`pulumi plugin install resource {package} {version}`, then this command again",
    )
