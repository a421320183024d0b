"""What a stack's file says, as written: YAML makes 2024.1 of 2024.10, and Pulumi hands that over.

`config/scalars.py` has what becomes of what. `pulumi config set` and `pulumi stack init` rewrite
the whole file in that way. So text is taken from the file, where the file is what the engine's
value came from.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bluegreen.config.scalars import Hidden, Plain, engine_text, resolve
from bluegreen.errors import ConfigError

Written = Mapping[str, Any]


def read_written(root: Path, project: str, stack: str) -> Written:
    """What the files say of the project's own keys, as written; the stack's before the project's.

    Args:
        root: the project's folder.
        project: the name that its keys begin with.
        stack: the stack; its file need not be there.

    Raises:
        ConfigError: a file is not valid YAML.
    """
    whole = _tree_of(root / "Pulumi.yaml")
    said: dict[str, Any] = {}
    for key, entry in config_of(whole).items():
        name = key.removeprefix(f"{project}:")
        if isinstance(entry, dict) and ":" not in name and entry.keys() & {"value", "default"}:
            said[name] = entry.get("value", entry.get("default"))
    return said | own(config_of(_tree_of(stack_file(root, stack, whole))), project)


def stack_file(root: Path, stack: str, project: Mapping[str, Any] | None = None) -> Path:
    """Where Pulumi keeps the stack's config; `project` is what Pulumi.yaml says."""
    project = _tree_of(root / "Pulumi.yaml") if project is None else project
    return root / str(project.get("stackConfigDir") or "") / f"Pulumi.{stack}.yaml"


def own(config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The values of one namespace, such as the project's or the docker provider's."""
    prefix = f"{namespace}:"
    return {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}


def of_text(text: str, name: str) -> dict[str, Any]:
    """A file's content, as written; raises ConfigError, with the file's name, for broken YAML."""
    try:
        node = _composed(text)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ConfigError([f"{name} is not valid YAML: {said}"]) from None
    return _mapping(_tree(node) if node else None)


# A command asks for the same two files dozens of times.
@functools.lru_cache(maxsize=8)
def _composed(text: str) -> yaml.Node | None:
    # The one in C where it is there: ten times as fast.
    node: yaml.Node | None = yaml.compose(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    return node


def config_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The `config` of a file's content; empty when there is none."""
    return _mapping(content.get("config"))


def is_hidden(value: Any) -> bool:
    """Whether a value is a secret, or has one in it."""
    if isinstance(value, dict | list):
        return any(map(is_hidden, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Hidden)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tree_of(path: Path) -> dict[str, Any]:
    return of_text(path.read_text(), path.name) if path.is_file() else {}


def _tree(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            tree = _tree(value)
            if key.value == "<<" and isinstance(_tree(key), Plain):
                for each in tree if isinstance(tree, list) else [tree]:
                    found = _mapping(each) | found
            else:
                found[str(key.value)] = tree
        return Hidden() if found.keys() == {"secure"} else found
    if isinstance(node, yaml.SequenceNode):
        return [_tree(each) for each in node.value]
    assert isinstance(node, yaml.ScalarNode)
    return str(node.value) if node.style else Plain(node.value)


def as_engine(written: Written) -> dict[str, Any]:
    """The values as the engine would hand them over; secrets stay hidden."""
    found = {}
    for key, value in written.items():
        whole = resolve(value)
        found[key] = whole if isinstance(whole, dict | list | str) else engine_text(whole)
    return found


def of_value(value: Any) -> Any:
    """The same for a value that does not come from a file: its JSON, as written."""
    if isinstance(value, str):
        return value
    return of_json(json.dumps(value, default=str))


def of_json(text: str) -> Any:
    """The values of a JSON text, as written; None when it is none."""
    try:
        return _plain(json.loads(text, parse_int=Plain, parse_float=Plain))
    except json.JSONDecodeError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return Plain(json.dumps(value)) if value is None or isinstance(value, bool) else value
