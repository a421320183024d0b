"""Runs the program on Pulumi's mocks and keeps what it registers, without an engine or Docker."""

import asyncio
import contextvars
import io
import json
import runpy
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, stack
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import configure, set_root_resource

ROOT = Path(__file__).parents[2]
PROJECT, STACK = "bluegreen", "test"
NAME = f"{PROJECT}-{STACK}"
FIRST: dict[str, Any] = {
    "active_color": "blue",
    "blue_version": "12.4.0",
    "green_version": "12.3.0",
}


@dataclass(frozen=True)
class Registered:
    """One registered resource: its inputs, and its options as the engine gets them."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    depends_on: frozenset[str]
    options: Any

    def is_secret(self, key: str) -> bool:
        """Whether this input is kept as a secret."""
        value = self.inputs[key]
        if isinstance(value, list):
            return any(rpc.is_rpc_secret(part) for part in value)
        return rpc.is_rpc_secret(value)


@dataclass
class Run:
    """One run of the program: resources by name in order, outputs, the calls it made."""

    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Registered:
        """The resource of this name."""
        return self.resources[name]

    def inputs(self, name: str) -> Mapping[str, Any]:
        """Inputs of the resource of this name."""
        return self.resources[name].inputs

    def before(self, name: str) -> set[str]:
        """All that must be done before this resource, through any number of others."""
        found: set[str] = set()
        queue = [name]
        while queue:
            for other in self.resources[queue.pop()].depends_on - found:
                found.add(other)
                queue.append(other)
        return found


class World(mocks.Mocks):
    """Answers what Docker and a switch would have answered."""

    def __init__(self, run: Run, previous: Mapping[str, Any] | None, platform: str) -> None:
        self.run, self.previous, self.platform = run, previous, platform

    def call(self, args: mocks.MockCallArgs) -> Any:
        """The stack's own outputs of its last update, or those of a stack with an edge."""
        self.run.calls.append((args.token, args.args))
        if not args.args["name"].endswith(f"/{STACK}"):
            return {"outputs": {"edge": shared_edge(self.platform)}}
        return {"outputs": self.previous} if self.previous is not None else {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """What the resource's provider would have put out."""
        outputs = dict(args.inputs)
        if args.typ == "docker:index/remoteImage:RemoteImage":
            outputs["imageId"] = f"id of {args.inputs['name']}"
        if args.name == "identity":
            outputs["key"] = "k"
        if args.name == "data-step":
            outputs |= {"hold": "token", "before": "", "at": ""}
        if args.name == "gate":
            outputs["passed_at"] = "2031-01-02T03:04:05.000+00:00"
        if args.name == "switch":
            order = json.loads(args.inputs["environment"]["BLUEGREEN_ORDER"])
            outputs["stdout"] = json.dumps({"color": order["color"], "switched": True})
        return f"{args.name}-id", outputs


def shared_edge(platform: str = "container", name: str = "front") -> dict[str, Any]:
    """What the outputs of a stack of kind edge say of it."""
    docker = {"host": "", "context": "", "cert_path": ""}
    edge = {"name": "edge", "docker": docker, "http_address": "0.0.0.0", "http_port": 80.0}
    return {
        "name": name,
        "platform": platform,
        "required": 1.0,
        "edges": [edge],
        "network": "network-id",
        "holders": ["holder-id"],
    }


class Monitor(mocks.MockMonitor):
    """Also keeps each registration's options and dependencies, which mocks do not see."""

    def __init__(self, run: Run, world: World) -> None:
        super().__init__(world)
        self.run = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the protocol's name)
        """Keep the request."""
        if request.type != "pulumi:pulumi:Stack":
            self.run.resources[request.name] = Registered(
                type=request.type,
                name=request.name,
                inputs=rpc.deserialize_properties(request.object),
                depends_on=frozenset(urn.rpartition("::")[2] for urn in request.dependencies),
                options=request,
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Keep the stack's outputs."""
        if "pulumi:pulumi:Stack" in request.urn:
            found = rpc.deserialize_properties(request.outputs)
            for key, value in found.items():
                if rpc.is_rpc_secret(value):
                    self.run.secret_outputs.add(key)
                self.run.outputs[key] = rpc.unwrap_rpc_secret(value)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def run_program(
    config: Mapping[str, Any],
    *,
    previous: Mapping[str, Any] | None = None,
    preview: bool = False,
    secret: tuple[str, ...] = (),
    docker: Mapping[str, str] | None = None,
) -> Run:
    """Run __main__.py as `pulumi up` would, with this config and these outputs from before.

    Args:
        config: the stack's config; values that are no text go as JSON, as Pulumi does it.
        previous: the outputs of the stack's last update; None = there was none.
        preview: whether it is a preview.
        secret: keys of the config that were set with --secret.
        docker: the docker provider's config.
    """
    run = Run()
    world = World(run, previous, config.get("platform", "container"))

    text = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    text |= {f"docker:{key}": value for key, value in (docker or {}).items()}

    def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"))

    def inside() -> None:
        loops: list[asyncio.AbstractEventLoop] = []

        def make_loop() -> None:  # the mocks want one in each thread, and would not close theirs
            loops.append(asyncio.new_event_loop())
            asyncio.set_event_loop(loops[-1])

        make_loop()
        loops[0].set_default_executor(ThreadPoolExecutor(initializer=make_loop))
        try:
            # As mocks.set_mocks, but for the stack it makes: run_in_stack makes its own, which
            # registers the outputs at the program's end.
            configure(
                mocks.MockSettings(  # type: ignore[no-untyped-call]
                    monitor=Monitor(run, world),
                    monitor_features=set(),
                    engine=mocks.MockEngine(None),
                    project=PROJECT,
                    stack=STACK,
                    dry_run=preview,
                    organization="organization",
                    callbacks=None,
                )
            )
            set_root_resource(None)  # type: ignore[arg-type]
            set_all_config(text, [f"{PROJECT}:{key}" for key in secret])
            loops[0].run_until_complete(stack.run_in_stack(program))
        finally:
            loops[0].run_until_complete(loops[0].shutdown_default_executor())
            asyncio.set_event_loop(None)
            for loop in loops:
                loop.close()

    contextvars.copy_context().run(inside)
    return run


def refusal(config: Mapping[str, Any], **more: Any) -> str:
    """What a run says that is refused before anything is declared."""
    try:
        run_program(config, **more)
    except pulumi.RunError as error:
        return str(error)
    raise AssertionError("the program was not refused")


def edge_tar(config: str) -> bytes:
    """What `docker cp` gives of a service's folder whose config is this."""
    files = {"nginx.conf": config, "stable.conf": config}
    files |= {"green": ""} if "color=green " in config else {}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{NAME}/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()
