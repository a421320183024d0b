"""What stands between the engine and Pulumi's plugins while a state is rebuilt.

The engine attaches to it (PULUMI_DEBUG_PROVIDERS) and asks as it always does. What only reads goes
on to the real plugin. "Make this" is answered with what is there already, and nothing is ever
made, changed or removed: neither `Create` nor `Update` nor `Delete` reaches a plugin.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as proto

from bluegreen.cli.rebuilding.found import Found
from bluegreen.cli.rebuilding.plugin import OPTIONS, Plugin, name_of
from bluegreen.errors import BluegreenError

ATTACH = "PULUMI_DEBUG_PROVIDERS"
DYNAMIC = "pulumi-python"  # the package of this project's own resources
SERVICE = proto.DESCRIPTOR.services_by_name["ResourceProvider"]
METHODS = [each.name for each in SERVICE.methods if not each.server_streaming]
THREADS = 16
STOP_SECONDS = 2


# The real plugin (None: this project's own), a resource's urn and checked inputs → what there is.
Finder = Callable[[Plugin | None, str, struct_pb2.Struct], Found]


class Relay:
    """Answers the engine for one package; each of its connections has a plugin of its own."""

    def __init__(self, package: str, find: Finder) -> None:
        """Answer for `package` with what `find` finds; nothing runs yet."""
        self._package, self._find = package, find
        self._plugins: dict[str, Plugin] = {}
        self._answers: dict[str, Found] = {}
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=OPTIONS)
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(partial(self._handle, name))
            for name in METHODS
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE.full_name, handlers),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def stop(self) -> None:
        """Hang up, and end the plugins."""
        self._server.stop(STOP_SECONDS).wait()
        for plugin in self._plugins.values():
            plugin.stop()

    def _handle(self, method: str, request: bytes, context: Any) -> bytes:
        try:
            return self._answer(method, request, context)
        except grpc.RpcError as error:  # the plugin's own
            context.set_trailing_metadata(error.trailing_metadata() or ())
            _fail(context, error.code(), error.details())
        except NotImplementedError as error:
            _fail(context, grpc.StatusCode.UNIMPLEMENTED, str(error))
        except BluegreenError as error:
            _fail(context, grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def _answer(self, method: str, request: bytes, context: Any) -> bytes:
        peer = context.peer()  # the engine has a connection for each provider of the program
        if method in ("Handshake", "Attach"):
            self._begin(method, request, peer)
        if method == "Attach":
            return _bytes(empty_pb2.Empty())
        if method == "Create":
            return self._create(request)
        if method in ("Update", "Delete"):
            raise BluegreenError(f"{method} while the state is being rebuilt: nothing was touched")
        plugin = self._plugins.get(peer)
        if plugin:
            if method == "Configure":
                plugin.configured(request)
            given = context.invocation_metadata()
            answer = plugin.forward(_path(method), _at_home(method, request, plugin), given)
        else:
            answer = _plain(method, request)
        return self._check(request, answer, plugin) if method == "Check" else answer

    def _begin(self, method: str, request: bytes, peer: str) -> None:
        with self._lock:
            if self._package == DYNAMIC or peer in self._plugins:
                return
            if method == "Handshake":
                engine = proto.ProviderHandshakeRequest.FromString(request).engine_address
            else:
                engine = plugin_pb2.PluginAttach.FromString(request).address
            self._plugins[peer] = Plugin(self._package, engine)

    def _check(self, request: bytes, answer: bytes, plugin: Plugin | None) -> bytes:
        urn = proto.CheckRequest.FromString(request).urn
        checked = proto.CheckResponse.FromString(answer)
        if checked.failures:
            return answer
        found = self._find(plugin, urn, checked.inputs)
        self._answers[urn] = found
        return _bytes(proto.CheckResponse(inputs=found.inputs))

    def _create(self, request: bytes) -> bytes:
        asked = proto.CreateRequest.FromString(request)
        found = self._answers[asked.urn]
        if not found.identity and not asked.preview:
            raise BluegreenError(f"{name_of(asked.urn)} no longer exists")
        return _bytes(proto.CreateResponse(id=found.identity, properties=found.outputs))


def _path(method: str) -> str:
    return f"/{SERVICE.full_name}/{method}"


def _fail(context: Any, code: grpc.StatusCode, why: str) -> NoReturn:
    context.abort(code, why)
    raise AssertionError("abort raises")


def _at_home(method: str, request: bytes, plugin: Plugin) -> bytes:
    """Tell a plugin where it is, which the engine knows only of plugins that it starts itself."""
    if method != "Handshake":
        return request
    told = proto.ProviderHandshakeRequest.FromString(request)
    told.root_directory = told.program_directory = plugin.folder
    return _bytes(told)


def _plain(method: str, request: bytes) -> bytes:
    """Answer for this project's own resources, as the plugin that runs them would."""
    if method == "Check":
        return _bytes(proto.CheckResponse(inputs=proto.CheckRequest.FromString(request).news))
    if method == "Configure":
        return _bytes(proto.ConfigureResponse(supportsPreview=True))
    if method == "GetPluginInfo":
        return _bytes(plugin_pb2.PluginInfo(version="0.1.0"))
    if method == "Cancel":
        return _bytes(empty_pb2.Empty())
    raise NotImplementedError(method)


def _bytes(message: Any) -> bytes:
    told: bytes = message.SerializeToString()
    return told


@contextmanager
def relayed(packages: tuple[str, ...], find: Finder) -> Iterator[str]:
    """Stand in for these packages' plugins; gives the value of `ATTACH` for the engine."""
    relays = {package: Relay(package, find) for package in packages}
    try:
        for relay in relays.values():
            relay.start()
        yield ",".join(f"{package}:{relay.port}" for package, relay in relays.items())
    finally:
        for relay in relays.values():
            relay.stop()
