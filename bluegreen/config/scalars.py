"""What Pulumi makes of a scalar in a stack's file, and back: the forms of go-yaml 3.

Tried with Pulumi 3.259: `2024.10` comes as 2024.1, `0123` as 83, `1e3` as 1000, `12_000` as 12000,
`2024-10-01` as "2024-10-01 00:00:00 +0000 UTC"; `yes`, `on`, `1:30` and `8e12345` stay text.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

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
