"""Reading CBOR (RFC 8949): the part of it that attestation documents are made of, and nothing lax.

Integers, byte and text strings, arrays, maps, one given tag, true, false and null. Every number is in its
shortest form, no key of a map is there twice, strings are in one piece. Arrays and maps may be of
indefinite length, since the hypervisor of AWS writes such maps. Other tags that stand for dates, big
numbers or references are refused. So nothing here takes more time or memory than the input has bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from olos.errors import InputError

Item: TypeAlias = "int | bytes | str | bool | Sequence[Item] | Mapping[int | str, Item] | None"

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLES = {20: False, 21: True, 22: None}
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE, _BREAK = 31, 0xFF
MAX_DEPTH = 8


def decode(data: bytes, where: str, *, tag: int | None = None, deterministic: bool = False) -> Item:
    """The one item that the bytes are. A `tag` may stand before it. Raises InputError naming `where`.

    If `deterministic`, lengths are definite and keys of maps in the order of their bytes (section 4.2.1).
    """
    reader = _Reader(data, where, deterministic=deterministic)
    if tag is not None:
        reader.skip_tag(tag)
    item = reader.item(MAX_DEPTH)
    if reader.position != len(data):
        raise InputError(f"{where}: has {len(data) - reader.position} bytes behind its end")
    return item


class _Reader:
    """A position in the bytes."""

    def __init__(self, data: bytes, where: str, *, deterministic: bool) -> None:
        self._data = data
        self._where = where
        self._deterministic = deterministic
        self.position = 0

    def skip_tag(self, tag: int) -> None:
        """Go behind a tag if there is one; it must be this one."""
        if self._data[:1] and self._data[0] >> 5 == _TAG:
            found = self._head()[1]
            if found != tag:
                raise self._error(f"has the CBOR tag {found}, expected {tag} or none")

    def item(self, depth: int) -> Item:
        """The next item; `depth` is how deep it may be nested."""
        if not depth:
            raise self._error(f"is nested more than {MAX_DEPTH} deep")
        kind, number = self._head()
        if kind == _ARRAY:
            return tuple(self.item(depth - 1) for _ in self._each(number))
        if kind == _MAP:
            return self._map(number, depth)
        if number is None:
            raise AssertionError("only arrays and maps have no length")
        if kind == _UINT:
            return number
        if kind == _NINT:
            return -1 - number
        if kind in (_BYTES, _TEXT):
            return self._string(kind, number)
        if kind == _SIMPLE and number in _SIMPLES:
            return _SIMPLES[number]
        raise self._error("has a tag or a value of a kind that does not belong there")

    def _head(self) -> tuple[int, int | None]:
        """The major type of the next item, and its number: None if the length is indefinite."""
        first = self._take(1)[0]
        kind, number = first >> 5, first & 0x1F
        if number == _INDEFINITE and kind in (_ARRAY, _MAP) and not self._deterministic:
            return kind, None
        width = _WIDTHS.get(number)
        if width is None:
            if number > 27:
                raise self._error("has an indefinite or reserved length")
            return kind, number
        number = int.from_bytes(self._take(width), "big")
        if kind == _SIMPLE or number < 24 or (width > 1 and number < 1 << 4 * width):
            raise self._error("has a number that is not in its shortest form")
        return kind, number

    def _string(self, kind: int, size: int) -> bytes | str:
        data = self._take(size)
        if kind == _BYTES:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            raise self._error("has a text that is not UTF-8") from exc

    def _map(self, count: int | None, depth: int) -> Mapping[int | str, Item]:
        found: dict[int | str, Item] = {}
        last = b""
        for _ in self._each(count):
            start = self.position
            key = self.item(depth - 1)
            encoded = self._data[start : self.position]
            if self._deterministic and encoded < last:
                raise self._error("has a map whose keys are out of order")
            last = encoded
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise self._error("has a map with a key that is no number and no text")
            if key in found:
                raise self._error(f"has a map with the key {key!r:.80} twice")
            found[key] = self.item(depth - 1)
        return MappingProxyType(found)

    def _each(self, count: int | None) -> Iterator[None]:
        """Once for each member of an array or map."""
        if count is not None:
            if count > len(self._data) - self.position:  # each has a byte at least
                raise self._error("ends within an item")
            yield from itertools.repeat(None, count)
            return
        while self._data[self.position : self.position + 1] != bytes([_BREAK]):
            yield
        self.position += 1

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self.position:
            raise self._error("ends within an item")
        self.position += size
        return self._data[self.position - size : self.position]

    def _error(self, what: str) -> InputError:
        return InputError(f"{self._where}: {what}, at byte {self.position}")
