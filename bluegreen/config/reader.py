"""Reads raw config values one by one and notes every mistake, by key, instead of stopping."""

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bluegreen.config.scalars import Hidden, confirms, engine_text, is_number, text_of
from bluegreen.config.written import Written, of_json

IN_QUOTES = "text, in quotes"


@dataclass
class Notes:
    """What is wrong in a config, and what is doubtful: a sentence for each, by key."""

    mistakes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


class Reader:
    """Reads one mapping (the config, or an object in it) and notes every mistake.

    `written` is the same mapping as the stack's file has it, as far as it does. Nothing is said of
    the keys in `silent`: they are refused already.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        written: Written,
        notes: Notes,
        known: Sequence[str],
        prefix: str = "",
        silent: Collection[str] = (),
    ) -> None:
        self.raw, self.notes, self.prefix, self.silent = raw, notes, prefix, silent
        self.written = written
        for key in raw:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                known_ones = "known: " + ", ".join(known)
                hint = f"did you mean {prefix}{close[0]}?" if close else known_ones
                self.mistake(f"{prefix}{key}: there is no such key; {hint}")

    def mistake(self, sentence: str) -> None:
        """Note a mistake in words of one's own."""
        self.notes.mistakes.append(sentence)

    def wrong(self, key: str, allowed: str, *, shown: bool = True) -> None:
        """Note that the key's value is not allowed, with what is; a secret is not shown."""
        value = self.raw.get(key)
        if key in self.silent:
            return
        is_value = f"is {json.dumps(value, default=str)}" if shown else "not usable"
        seen = "missing" if value in (None, "") else is_value
        self.mistake(f"{self.prefix}{key}: {seen}; allowed: {allowed}")

    def is_set(self, key: str) -> bool:
        """Whether there is a value that is not empty."""
        return self._value(key) is not None or isinstance(self.raw.get(key), Hidden)

    def _value(self, key: str) -> Any:
        value = None if key in self.silent else self.raw.get(key)
        return None if value == "" else value

    def text(
        self,
        key: str,
        default: Any,
        pattern: re.Pattern[str] | None,
        allowed: str,
        *,
        shown: bool = True,
    ) -> Any:
        """A string that matches the pattern as a whole; "" stands for "not set"."""
        value = self._value(key)
        if isinstance(self.raw.get(key), Hidden) and key not in self.silent:
            return Hidden()  # set, whatever it is
        if value is None:
            return default
        if isinstance(value, dict | list):
            self.wrong(key, allowed, shown=shown)
            return default
        text = self._as_written(key, value)
        if text is None:
            self.wrong(key, f"{allowed}, in quotes", shown=shown)
            return default
        if pattern and not pattern.fullmatch(text):
            self.wrong(key, allowed, shown=shown)
            return default
        return text

    def _as_written(self, key: str, value: Any) -> str | None:
        """The text that was meant; None when it cannot be told. What is doubtful is noted."""
        written = self.written.get(key)
        text = text_of(value, written)
        if text is None or isinstance(written, Hidden):
            return text
        name = f"{self.prefix}{key}"
        engine = value if isinstance(value, str) else engine_text(value)
        if text != engine:
            self.notes.doubts.append(
                f"{name}: {text} has no quotes in the stack's file; it is taken as written, but "
                f"`pulumi config set` would rewrite it as {engine.strip()}: put it in quotes"
            )
        elif not self.prefix and is_number(text) and not confirms(written, value):
            self.notes.doubts.append(
                f"{name}: {text} is not what the stack's file has; a number loses zeros where it "
                "has no quotes (2024.10 becomes 2024.1)"
            )
        return text

    def choice(self, key: str, default: Any, allowed: Sequence[str]) -> Any:
        """One of a few words; "" as default makes the key required, None leaves it open."""
        value = default if self._value(key) is None else self._value(key)
        if value is not None and value not in allowed:
            self.wrong(key, " or ".join(allowed))
            return allowed[0]
        return value if value is None else str(value)

    def number(self, key: str, default: Any, low: float, high: float, unit: str) -> Any:
        """A number from low to high."""
        value = self._value(key)
        if value is None:
            return default
        try:
            number = _plain_number(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            self.wrong(key, f"{unit} from {low:.10g} to {high:.10g}")
            return default
        return number

    def integer(self, key: str, default: Any, low: int, high: int, unit: str) -> Any:
        """A whole number from low to high."""
        number = self.number(key, default, low, high, unit)
        if number is None:
            return None
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
        if isinstance(value, Hidden):
            return kind()
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except json.JSONDecodeError:
                value = False
        if value is not None and not isinstance(value, kind):
            self.wrong(key, allowed, shown=shown)
            return kind()
        return value if value is not None else kind()

    def written_structure(self, key: str, kind: type) -> Any:
        """The same as written; empty where the file does not have it."""
        written, value = self.written.get(key), self.raw.get(key)
        # An object may be written as JSON too, in quotes or encrypted: then that is as written.
        as_json = isinstance(written, Hidden) or written == value
        if isinstance(value, str) and isinstance(written, str) and as_json:
            written = of_json(value)
        return written if isinstance(written, kind) else kind()

    def nested(self, key: str, known: Sequence[str]) -> "Reader":
        """A reader for the object under the key."""
        raw = self.structure(key, dict, "an object with " + ", ".join(known))
        written = self.written_structure(key, dict)
        return Reader(raw, written, self.notes, known, prefix=f"{self.prefix}{key}.")

    def strings(self, key: str, names: re.Pattern[str], allowed: str) -> dict[str, str]:
        """An object of strings whose names match the pattern."""
        found: dict[str, str] = {}
        # No value is shown here: it may be a secret.
        raw = self.structure(key, dict, allowed, shown=False)
        written = self.written_structure(key, dict)
        inner = Reader(raw, written, self.notes, list(raw), prefix=f"{self.prefix}{key}.")
        for name, value in raw.items():
            if not names.fullmatch(name) or isinstance(value, dict | list) or value is None:
                self.mistake(f"{self.prefix}{key}.{name}: not usable; allowed: {allowed}")
                continue
            text = inner._as_written(name, value)
            if text is None:
                self.mistake(f"{self.prefix}{key}.{name}: is not text; allowed: {IN_QUOTES}")
            else:
                found[name] = text
        return found

    def words(self, key: str, pattern: re.Pattern[str] | None, allowed: str) -> tuple[str, ...]:
        """A list of texts, each of which matches the pattern as a whole."""
        raw = self.structure(key, list, allowed)
        written = self.written_structure(key, list)
        known = written if len(written) == len(raw) else [None] * len(raw)
        texts: list[str] = []
        for value, meant in zip(raw, known, strict=True):
            plain = not isinstance(value, dict | list) and value is not None
            text = text_of(value, meant) if plain else None
            if text is None or (pattern and not pattern.fullmatch(text)):
                self.wrong(
                    key, f"{allowed}, each {IN_QUOTES}" if plain and text is None else allowed
                )
                return ()
            texts.append(text)
        return tuple(texts)


def _plain_number(value: Any) -> float:
    # float() alone would also take 1e3, 1_000 and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(value)):
        raise ValueError("not a plain number")
    return float(value)
