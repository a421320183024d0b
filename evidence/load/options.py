"""The command line's options: the fields of ``Target`` and ``Plan``, one by one."""

import argparse
import pkgutil
from dataclasses import fields
from typing import Any

from .errors import LoadError
from .plan import Plan, Target

NONE = "none"
"""Says on the command line that a path is not there."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add one option per field."""
    for field in fields(Target):
        parser.add_argument(_option(field.name), required=field.name == "url", metavar="TEXT")
    for field in fields(Plan):
        parser.add_argument(
            _option(field.name), type=type(field.default), metavar="N", help=f"({field.default})"
        )


def from_options(given: argparse.Namespace) -> tuple[Target, Plan]:
    """Make target and plan of what was given; the rest keeps its defaults."""
    target: dict[str, Any] = {}
    for field in fields(Target):
        value = getattr(given, field.name)
        if value is not None:
            target[field.name] = None if value == NONE else value
    if isinstance(target.get("count_writes"), str):
        try:
            target["count_writes"] = pkgutil.resolve_name(target["count_writes"])
        except (ImportError, AttributeError, ValueError) as error:
            raise LoadError(f"--count-writes: {error}") from error
    plan = {field.name: getattr(given, field.name) for field in fields(Plan)}
    return Target(**target), Plan(
        **{name: value for name, value in plan.items() if value is not None}
    )


def as_arguments(target: Target, plan: Plan) -> list[str]:
    """Return the arguments that make the same target and plan in another process."""
    arguments = []
    for owner in (target, plan):
        for field in fields(owner):
            value = getattr(owner, field.name)
            if callable(value):
                value = _importable(value)
            arguments.append(f"{_option(field.name)}={NONE if value is None else value}")
    return arguments


def _importable(function: Any) -> str:
    name = f"{function.__module__}:{function.__qualname__}"
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not function:
        raise LoadError(f"{name} is not a function that another process can import")
    return name


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
