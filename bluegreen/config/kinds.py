"""The kinds of values that config keys have: how each is read, and within which bounds."""

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from bluegreen.config.reader import Notes, Reader

Effect = Literal["color", "edge", "switch", "nothing"]
EFFECTS: tuple[Effect, ...] = ("color", "edge", "switch", "nothing")


class Kind(Protocol):
    """How a value is read: a mistake is noted, and the default stands in for it."""

    def read(self, read: Reader, key: str, default: Any, root: Path) -> Any:
        """The value of a key; paths in it start from root, the project's folder."""


@dataclass(frozen=True)
class Key:
    """One config key, declared once.

    Attributes:
        name: in the config, or in the object that it is a part of.
        kind: how it is read.
        default: what holds where it is not set; None = it depends on other keys.
        words: what it is; a phrase without a full stop.
        effects: what a change of it alone touches. `color`: the color is made anew, so it takes a
            release. `edge`: nginx is made anew, with a gap or without (plan/fingerprint.py).
            `switch`: gate and switch run again, on what is there. `nothing`: none of these.
        on_swarm: the same with platform swarm, where it is something else.
        shown: the default in words, for the docs.
        only: the one platform that has the key; "" = all do.
        instead: with `only`, what is allowed on the other platform.
        secret: whether it may be set with --secret.
        example: a value other than the default, where the kind alone does not tell one.
        see: the page of the docs that says more.
    """

    name: str
    kind: Kind
    default: Any
    words: str
    effects: tuple[Effect, ...]
    on_swarm: tuple[Effect, ...] | None = None
    shown: str = ""
    only: str = ""
    instead: str = ""
    secret: bool = False
    example: Any = None
    see: str = ""

    @property
    def touches(self) -> tuple[Effect, ...]:
        """What a change of it touches: of an object, what changes of its parts do."""
        inner: tuple[Key, ...] = getattr(self.kind, "parts", ())
        found = {effect for part in inner for effect in part.touches} | set(self.effects)
        return tuple(effect for effect in EFFECTS if effect in found)

    def effects_on(self, *, swarm: bool) -> tuple[Effect, ...]:
        """What a change of it touches on this platform; none where it does not have the key."""
        if self.only and (self.only == "swarm") != swarm:
            return ()
        return self.on_swarm if swarm and self.on_swarm is not None else self.effects


class Values(dict[str, Any]):
    """Values by key, and the reader to note what is wrong between them."""

    def __init__(
        self,
        reader: Reader,
        keys: Sequence[Key],
        root: Path,
        without: Collection[str] = (),
    ) -> None:
        """Read each key; those without which this stack is are as if they were not set."""
        super().__init__()
        self.reader = reader
        nothing = Reader({}, {}, Notes(), [])
        for key in keys:
            asked = nothing if key.name in without else reader
            self[key.name] = key.kind.read(asked, key.name, key.default, root)


@dataclass(frozen=True)
class Text:
    """Text that matches a pattern as a whole; `empty`: "" is a value, not "unset"."""

    allowed: str
    pattern: str = ""
    empty: bool = False
    shown: bool = True

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        if self.empty and read.raw.get(key) == "":
            return ""
        pattern = re.compile(self.pattern) if self.pattern else None
        return read.text(key, default, pattern, self.allowed, shown=self.shown)


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.choice(key, default, self.words)


@dataclass(frozen=True)
class Number:
    """A number within bounds, of a unit."""

    unit: str
    low: float
    high: float

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.number(key, default, self.low, self.high, self.unit)


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, of a unit."""

    unit: str
    low: int
    high: int

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.integer(key, default, self.low, self.high, self.unit)


@dataclass(frozen=True)
class Memory:
    """Memory in MB; 0 = not set."""

    least: int = 6  # Docker's own minimum

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        memory = read.integer(key, default, 0, 1 << 20, "MB")
        if 0 < memory < self.least:
            read.wrong(key, f"0 (no limit), or at least {self.least} MB")
        return memory


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.flag(key, default)


@dataclass(frozen=True)
class File:
    """A text file, its path relative to the project's folder."""

    def read(self, read: Reader, key: str, default: Any, root: Path) -> Any:
        """As `Kind.read`."""
        path = read.text(key, default, None, "the path of a file")
        if path and not (root / path).is_file():
            # A missing mount source is made a *directory* by Docker: say so here, by name.
            what = "a directory" if (root / path).is_dir() else "not a file"
            read.mistake(
                f'{key}: "{path}" is {what}; allowed: a file, its path relative to {root.name}/'
            )
            return default
        try:
            (root / path).read_text() if path else ""
        except (UnicodeDecodeError, PermissionError) as error:
            read.mistake(f'{key}: "{path}" cannot be read ({error}); allowed: a UTF-8 text')
            return default
        return path


@dataclass(frozen=True)
class Address:
    """An IP address of a host, to bind a port to."""

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        address = read.text(key, default, None, "an IP address of the host")
        try:
            if address is not None:
                ipaddress.ip_address(address)
        except ValueError:
            read.wrong(key, "an IP address of the host")
            return default
        return address


@dataclass(frozen=True)
class Subnet:
    """A private range of addresses; "" = none."""

    allowed: str = "a private range of at least 8 addresses, such as 10.87.3.0/28"

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        subnet = read.text(key, default, None, self.allowed)
        try:
            network = ipaddress.ip_network(subnet) if subnet else None
        except ValueError:
            network = None
        if subnet and (not network or not network.is_private or network.num_addresses < 8):
            read.wrong(key, self.allowed)
        return subnet


@dataclass(frozen=True)
class Ranges:
    """A list of ranges of addresses, as CIDR; an address alone is a range of one."""

    allowed: str = "a list of ranges of addresses (CIDR), such as [192.0.2.0/24, 2001:db8::/48]"

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        if not read.is_set(key):
            return default
        found = []
        for each in read.words(key, None, self.allowed):
            try:
                found.append(str(ipaddress.ip_network(each)))
            except ValueError as error:
                read.mistake(f'{read.prefix}{key}: "{each}": {error}; allowed: {self.allowed}')
        return tuple(found)


@dataclass(frozen=True)
class Strings:
    """An object of texts; no value is ever shown, as it may be a secret."""

    allowed: str
    names: str

    def read(self, read: Reader, key: str, _default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.strings(key, re.compile(self.names), self.allowed)


@dataclass(frozen=True)
class Words:
    """A list of texts, each of which matches the pattern as a whole."""

    allowed: str
    pattern: str = ""

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        if not read.is_set(key):
            return default
        return read.words(key, re.compile(self.pattern) if self.pattern else None, self.allowed)


@dataclass(frozen=True)
class Statuses:
    """HTTP statuses as text: `200`, `200,204`, `200-299`."""

    allowed: str = 'an HTTP status, a list of them, or a range ("200-299")'

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        if not read.is_set(key):
            return default
        given = read.raw[key]
        parts = given if isinstance(given, list) else [given]
        text = ",".join(str(each).strip() for each in parts)
        each = r"[1-5]\d\d(-[1-5]\d\d)?"
        bounds = [part.partition("-") for part in text.split(",")]
        if not re.fullmatch(f"{each}(,{each})*", text) or any(
            high and int(low) > int(high) for low, _, high in bounds
        ):
            read.wrong(key, self.allowed)
            return default
        return text


@dataclass(frozen=True)
class Fields:
    """An object of any plain values, of their own types."""

    allowed: str = "an object of fields and values"

    def read(self, read: Reader, key: str, default: Any, _root: Path) -> Any:
        """As `Kind.read`."""
        return read.structure(key, dict, self.allowed) if read.is_set(key) else default


@dataclass(frozen=True)
class Object:
    """An object of keys of its own; with `optional`, None where nothing in it is set.

    With `flag`, `true` is as good as an object in which nothing is set.
    """

    parts: tuple[Key, ...]
    optional: bool = False
    flag: bool = False

    def read(self, read: Reader, key: str, _default: Any, root: Path) -> Any:
        """As `Kind.read`; makes `Values`."""
        if self.flag and read.raw.get(key) is True:
            return Values(
                Reader({}, {}, read.notes, [], prefix=f"{read.prefix}{key}."), self.parts, root
            )
        inner = read.nested(key, [part.name for part in self.parts])
        return None if self.optional and not inner.raw else Values(inner, self.parts, root)


@dataclass(frozen=True)
class Items:
    """A list of objects; None in the place of what is no object."""

    what: str
    parts: tuple[Key, ...]

    def read(self, read: Reader, key: str, _default: Any, root: Path) -> Any:
        """As `Kind.read`; makes a list of `Values`."""
        names = [part.name for part in self.parts]
        fields = ", ".join(names)
        given = read.structure(key, list, f"a list of {self.what}, each with {fields}")
        written = read.written_structure(key, list)
        found: list[Values | None] = []
        for number, raw in enumerate(given):
            place = f"{key}[{number}]"
            meant = written[number] if len(written) == len(given) else {}
            if isinstance(raw, dict):
                meant = meant if isinstance(meant, dict) else {}
                inner = Reader(raw, meant, read.notes, names, f"{place}.")
                found.append(Values(inner, self.parts, root))
            else:
                read.mistake(f"{place}: is {raw!r}; allowed: an object with {fields}")
                found.append(None)
        return found
