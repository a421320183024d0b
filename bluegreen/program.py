"""The whole program of a stack: read its config, let the guard look, declare, put out.

A project of its own has this as its `__main__.py`:

    from bluegreen.program import declare

    declare()
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from bluegreen.config import load as config
from bluegreen.config.settings import Docker, Settings
from bluegreen.config.written import own, read_written
from bluegreen.errors import BluegreenError, ConfigError
from bluegreen.plan.edge import EdgePlan, plan_edge
from bluegreen.plan.fingerprint import Fingerprint
from bluegreen.plan.planned import Plan
from bluegreen.plan.shared import OUTPUT, on_shared, whole_name
from bluegreen.plan.situation import Previous, observe
from bluegreen.plan.update import PLAN_FILE, REBUILD, plan_update
from bluegreen.platforms import of
from bluegreen.resources.edge import SharedEdge
from bluegreen.resources.identity import Identity
from bluegreen.resources.interrupt import end_quietly
from bluegreen.resources.service import BlueGreenService

READ_TRIES, READ_PAUSE = 50, 0.1


def declare(root: Path | None = None) -> BlueGreenService | SharedEdge:
    """Declare the stack's service, or its edge, and its outputs; `root` is the project's folder.

    Raises:
        pulumi.RunError: the config has mistakes, or the guard refuses the update.
    """
    end_quietly()
    folder = (root or Path.cwd()).resolve()
    try:
        settings = read_settings(folder)
        name = _prefix(settings)
        settings = _with_shared_edge(settings)
        situation = observe(settings, name, of(settings), read_previous)
        stack, rebuilds = pulumi.get_stack(), bool(os.environ.get(REBUILD))
        if settings.kind == "edge":
            return _declare_edge(plan_edge(settings, situation, stack, rebuilds=rebuilds), folder)
        plan = plan_update(settings, situation, stack, folder, rebuilds=rebuilds)
    except BluegreenError as error:
        mistakes = getattr(error, "mistakes", [str(error)])
        _hand_over(refused=getattr(error, "reasons", mistakes))
        raise pulumi.RunError(str(error)) from None
    _tell(plan.words)
    service = BlueGreenService(plan, folder)
    _put_out(service, plan)
    return service


def _declare_edge(plan: EdgePlan, root: Path) -> SharedEdge:
    _tell(plan.words)
    edge = SharedEdge(plan, root)
    _put_out_urls(edge.urls)
    pulumi.export(OUTPUT, edge.told)
    _put_out_identity(edge.identity, plan.made_of, plan.situation.name)
    return edge


def _with_shared_edge(settings: Settings) -> Settings:
    if not settings.edge:
        return settings
    name = whole_name(settings.edge, pulumi.get_organization(), pulumi.get_project())
    try:
        said = _read_outputs(name).get(OUTPUT)
    except Exception as error:  # the SDK raises no narrower one
        seen = str(error).splitlines()[0]
        raise ConfigError([f'edge: "{settings.edge}" could not be read ({seen})']) from None
    return on_shared(settings, said)


def read_settings(root: Path) -> Settings:
    """The stack's settings; warns of what is doubtful, raises ConfigError with every mistake."""
    project = pulumi.get_project()
    raw = own(CONFIG.get(), project)
    provider = pulumi.Config("docker")
    found = config.read_config(
        raw,
        root,
        secrets=[key for key in raw if is_config_secret(f"{project}:{key}")],
        docker=Docker(
            host=provider.get("host") or "",
            context=provider.get("context") or "",
            cert_path=provider.get("certPath") or "",
        ),
        written=read_written(root, project, pulumi.get_stack()),
    )
    for doubt in found.doubts:
        pulumi.log.warn(doubt)
    return found.checked()


def read_previous() -> Previous:
    """What the last update left: this stack's own outputs, there before anything is declared."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return Previous.of(_read_outputs(name))


def _read_outputs(name: str) -> dict[str, Any]:
    for tries_left in reversed(range(READ_TRIES)):
        try:
            answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name})
            found: dict[str, Any] = answer.value or {}
            return found.get("outputs") or {}
        except Exception as error:  # the SDK raises no narrower one
            # The engine writes the state at the same time, and a file backend (CLI 3.259) does
            # not write it in one act: a read can meet half a file.
            if not tries_left or "checkpoint" not in str(error):
                raise
            time.sleep(READ_PAUSE)
    raise AssertionError("the last try returns or raises")


def _prefix(settings: Settings) -> str:
    """The prefix of what the stack has in Docker."""
    name = settings.prefix(pulumi.get_project(), pulumi.get_stack())
    longest = settings.longest_prefix
    if len(name) > longest:
        raise ConfigError(
            [
                f'name: "{name}" makes host names of more than 63 characters; allowed: at most '
                f"{longest} characters, by the stack's name or the key `name`"
            ]
        )
    return name


def _tell(words: str) -> None:
    """Tell the plan: to the command line by its file, and in a preview to whoever reads that."""
    _hand_over(words=words.splitlines())
    if words and pulumi.runtime.is_dry_run():
        pulumi.log.info(words)


def _hand_over(words: list[str] | None = None, refused: list[str] | None = None) -> None:
    file = os.environ.get(PLAN_FILE)
    if file:
        reasons = refused or []
        Path(file).write_text(
            json.dumps({"words": words or [], "refused": bool(reasons), "reasons": reasons})
        )


def _put_out(service: BlueGreenService, plan: Plan) -> None:
    _put_out_urls(service.urls)
    pulumi.export("live", service.live)
    pulumi.export("standby", service.standby or {})
    pulumi.export("direct_urls", service.direct_urls)
    pulumi.export("data", service.data)
    pulumi.export("switch", service.report)
    pulumi.export("pins", service.pins)
    if plan.adopted:
        pulumi.export("adopted", dict(plan.adopted))
    _put_out_identity(service.identity, plan.made_of, plan.situation.name)


def _put_out_urls(urls: Mapping[str, str]) -> None:
    pulumi.export("url", next(iter(urls.values())))
    if len(urls) > 1:
        pulumi.export("urls", dict(urls))


def _put_out_identity(identity: Identity, made_of: Mapping[str, Fingerprint], name: str) -> None:
    # What the guard of the next update compares with. Secret, as digests of secrets are in it.
    pulumi.export("fingerprints", pulumi.Output.secret(dict(made_of)))
    pulumi.export("name", name)
    pulumi.export("identity", pulumi.Output.secret({"id": identity.id, "key": identity.key}))
