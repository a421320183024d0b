"""Reads raw config values one by one and notes every mistake, by key, instead of stopping."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


class Reader:
    """Reads one mapping (the config, or an object in it) and notes every mistake."""

    def __init__(
        self, raw: Mapping[str, Any], mistakes: list[str], known: Sequence[str], prefix: str = ""
    ) -> None:
        self.raw, self.mistakes, self.prefix = raw, mistakes, prefix
        for key in raw:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                known_ones = "known: " + ", ".join(known)
                hint = f"did you mean {prefix}{close[0]}?" if close else known_ones
                self.mistakes.append(f"{prefix}{key}: there is no such key; {hint}")

    def wrong(self, key: str, allowed: str, *, shown: bool = True) -> None:
        """Note that the key's value is not allowed, with what is; a secret is not shown."""
        value = self.raw.get(key)
        is_value = f"is {json.dumps(value, default=str)}" if shown else "not usable"
        seen = "missing" if value in (None, "") else is_value
        self.mistakes.append(f"{self.prefix}{key}: {seen}; allowed: {allowed}")

    def _value(self, key: str) -> Any:
        value = self.raw.get(key)
        return None if value == "" else value

    def text(self, key: str, default: str, pattern: re.Pattern[str] | None, allowed: str) -> str:
        """A string that matches the pattern as a whole; "" stands for "not set"."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, bool | dict | list) or (pattern and not pattern.fullmatch(str(value))):
            self.wrong(key, allowed)
            return default
        return str(value)

    def choice(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few words; "" as default makes the key required."""
        value = self._value(key) or default
        if value not in allowed:
            self.wrong(key, " or ".join(allowed))
            return allowed[0]
        return str(value)

    def number(self, key: str, default: float, low: float, high: float, unit: str) -> float:
        """A number from low to high."""
        value = self._value(key)
        try:
            number = default if value is None else _plain_number(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            self.wrong(key, f"{unit} from {low:.10g} to {high:.10g}")
            return default
        return number

    def integer(self, key: str, default: int, low: int, high: int, unit: str) -> int:
        """A whole number from low to high."""
        number = self.number(key, default, low, high, unit)
        if number != int(number):
            self.wrong(key, f"whole {unit} from {low} to {high}")
            return default
        return int(number)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._value(key)
        if value in (None, True, False):
            return default if value is None else bool(value)
        if value not in ("true", "false"):
            self.wrong(key, "true or false")
        return bool(value == "true")

    def structure(self, key: str, kind: type, allowed: str, *, shown: bool = True) -> Any:
        """An object (dict) or a list; Pulumi hands these over as JSON text."""
        value = self._value(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except json.JSONDecodeError:
                value = False
        if value is not None and not isinstance(value, kind):
            self.wrong(key, allowed, shown=shown)
            return kind()
        return value if value is not None else kind()

    def nested(self, key: str, known: Sequence[str]) -> "Reader":
        """A reader for the object under the key."""
        raw = self.structure(key, dict, "an object with " + ", ".join(known))
        return Reader(raw, self.mistakes, known, prefix=f"{self.prefix}{key}.")

    def strings(self, key: str, names: re.Pattern[str], allowed: str) -> dict[str, str]:
        """An object of strings whose names match the pattern."""
        found: dict[str, str] = {}
        # No value is shown here: it may be a secret.
        for name, value in self.structure(key, dict, allowed, shown=False).items():
            if not names.fullmatch(name) or isinstance(value, dict | list) or value is None:
                self.mistakes.append(f"{self.prefix}{key}.{name}: not usable; allowed: {allowed}")
            else:
                found[name] = json.dumps(value) if isinstance(value, bool) else str(value)
        return found


def _plain_number(value: Any) -> float:
    # float() alone would also take 1e3, 1_000 and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(value)):
        raise ValueError("not a plain number")
    return float(value)
