"""What a stack's file says, as written: YAML makes 2024.1 of 2024.10, and Pulumi hands that over.

Tried with Pulumi 3.259: `2024.10` comes as 2024.1, `0123` as 83, `1e3` as 1000, `12_000` as 12000,
`2024-10-01` as "2024-10-01 00:00:00 +0000 UTC"; `yes`, `on`, `1:30` and `8e12345` stay text. And
`pulumi config set` and `pulumi stack init` rewrite the whole file in that way. So text is taken
from the file, where the file is what the engine's value came from.
"""

import functools
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from bluegreen.errors import ConfigError

Written = Mapping[str, Any]

# The forms of go-yaml 3, which Pulumi reads its files with.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INT = re.compile(
    r"(?P<sign>[-+]?)(0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)"
    r"|(?P<dec>0|[1-9][0-9]*))"
)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"([Tt ]\d\d?)?(?(4):(\d\d?):(\d\d?)(\.\d+)?(Z|[-+]\d\d:\d\d)?)",
    re.ASCII,
)
_GO_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [-+]\d{4} \S+")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_WORDS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL")) | {
    word: value
    for value in (True, False)
    for word in (str(value).lower(), str(value), str(value).upper())
}


class Plain(str):
    """A scalar without quotes: YAML may take it for something else than text."""

    __slots__ = ()


class Hidden(str):
    """A secret, which the file has encrypted."""

    __slots__ = ()


class Moment(str):
    """A time as Go prints it, without the name of its zone."""

    __slots__ = ()


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


def resolve(written: Any) -> Any:
    """What the engine makes of it: numbers, flags and None of scalars without quotes."""
    if isinstance(written, dict):
        return {key: resolve(value) for key, value in written.items()}
    if isinstance(written, list):
        return [resolve(value) for value in written]
    return _scalar(written) if isinstance(written, Plain) else written


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if moment := _moment(text):
        return moment
    digits = text.replace("_", "") if text[:1] in "+-0123456789" else text
    if whole := _INT.fullmatch(digits):
        name = next(name for name in _BASES if whole[name])
        number = int(whole["sign"] + whole[name], _BASES[name])
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.fullmatch(digits) and abs(share := float(digits)) != float("inf"):
        return share
    return str(text)


def _moment(text: str) -> Moment | None:
    time = _TIME.fullmatch(text)
    if not time:
        return None
    year, month, day, hour, minute, second = (
        int((part or "0").lstrip("Tt ")) for part in time.groups()[:6]
    )
    fraction, zone = time[7] or "", time[8]
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    fraction = fraction.rstrip("0").rstrip(".")
    zone = "+0000" if zone in (None, "Z") else zone.replace(":", "")
    return Moment(f"{moment}{fraction} {zone} ")


def engine_text(value: Any) -> str:
    """A resolved scalar as the engine hands it over where it is a value of its own."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if not isinstance(value, float):
        return str(value)
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def confirms(written: Any, value: Any) -> bool:
    """Whether this scalar is what the engine's value came from."""
    if isinstance(written, dict | list | Hidden) or written is None:
        return False
    if not isinstance(written, Plain):
        return bool(written == value)
    if isinstance(value, str) and written == value:
        return True
    found = _scalar(written)
    if isinstance(found, Moment):
        return isinstance(value, str) and value.startswith(found)
    if isinstance(value, str):
        return engine_text(found) == value
    return isinstance(found, bool) == isinstance(value, bool) and found == value


def text_of(value: Any, written: Any) -> str | None:
    """The text that was meant; None when it cannot be told."""
    if confirms(written, value):
        return str(written)
    if isinstance(value, str) and not _GO_TIME.fullmatch(value):
        return value
    return None


def is_number(text: str) -> bool:
    """Whether YAML would take this text for a number, so that it may be what is left of one."""
    return isinstance(_scalar(text), int | float)
