"""Reading typed fields out of parsed JSON or TOML, with errors that name the place.

A `Fields` wraps one object. Every key must be asked for exactly by name; `done` then refuses
what was not asked for, so that an unknown key is always an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from olos.errors import InputError

_T = TypeVar("_T")


class Fields:
    """The members of one JSON or TOML object. All readers raise InputError naming `where.key`."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: expected an object, found {_kind(value)}")
        self._members: Mapping[str, object] = value
        self._where = where
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def optional(self, key: str) -> bool:
        """Whether a member that need not be there is. Its key is a known one either way."""
        self._asked.add(key)
        return key in self._members

    def where(self, key: str) -> str:
        """The place of a member, for messages."""
        return f"{self._where}.{key}" if self._where else key

    def raw(self, key: str) -> object:
        """A member of any type; it must be there."""
        self._asked.add(key)
        if key not in self._members:
            raise InputError(f"{self.where(key)}: missing")
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        """The keys as they are, in order; strings that may be anything."""
        return iter(self._members)

    def members(self, key: str) -> Fields:
        """The object that a member is."""
        return Fields(self.raw(key), self.where(key))

    def text(self, key: str) -> str:
        """A string without NUL."""
        return as_text(self.raw(key), self.where(key))

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of some strings."""
        value = self.text(key)
        if value not in choices:
            raise InputError(f"{self.where(key)}: {value!r} is none of {', '.join(choices)}")
        return value

    def flag(self, key: str) -> bool:
        """A Boolean."""
        value = self.raw(key)
        if not isinstance(value, bool):
            raise InputError(f"{self.where(key)}: expected true or false, found {_kind(value)}")
        return value

    def number(self, key: str, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return as_number(self.raw(key), self.where(key), low, high)

    def items(self, key: str) -> list[object]:
        """A list of anything."""
        value = self.raw(key)
        if not isinstance(value, list):
            raise InputError(f"{self.where(key)}: expected a list, found {_kind(value)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings without NUL."""
        return tuple(as_text(item, f"{self.where(key)}[{i}]") for i, item in enumerate(self.items(key)))

    def unless_default(self, key: str, read: Callable[[Fields, str], _T], default: _T) -> _T:
        """What `read` makes of a member that is there only if it is not the default."""
        if not self.optional(key):
            return default
        value = read(self, key)
        if value == default:
            raise InputError(f"{self.where(key)}: has its default value; then the key must be absent")
        return value

    def done(self) -> None:
        """Refuse members that nobody asked for."""
        for key in sorted(set(self._members) - self._asked):
            close = difflib.get_close_matches(key, self._asked, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(sorted(self._asked))}"
            raise InputError(f"{self.where(key)}: unknown key", hint=hint)


def as_text(value: object, where: str) -> str:
    """A string without NUL that has a UTF-8 form. Raises InputError naming `where`."""
    if not isinstance(value, str):
        raise InputError(f"{where}: expected a string, found {_kind(value)}")
    if "\0" in value:
        raise InputError(f"{where}: contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise InputError(f"{where}: contains a lone surrogate") from exc
    return value


def as_number(value: object, where: str, low: int, high: int) -> int:
    """An integer from `low` to `high`. Raises InputError naming `where`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{where}: expected a whole number, found {_kind(value)}")
    if not low <= value <= high:
        raise InputError(f"{where}: {value} is not from {low} to {high}")
    return value


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", str: "a string", list: "a list", type(None): "null"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else type(value).__name__)
