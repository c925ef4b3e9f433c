"""Records of a pax extended header: `length key=value\\n` (POSIX.1-2001, pax "Extended Header")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from olos.errors import InputError
from olos_build.tar.fields import decimal, shown

_XATTR = b"SCHILY.xattr."
_MAX_XATTR_NAME = 255
_MAX_XATTR_VALUE = 65536
"""Linux: XATTR_NAME_MAX and XATTR_SIZE_MAX."""

_SECONDS = re.compile(rb"(-?)([0-9]{1,15})(?:\.([0-9]*))?")
_MAX_LENGTH_DIGITS = 8


@dataclass(frozen=True)
class Records:
    """The records in order. A key that stands twice has its last value; an empty one means none."""

    items: tuple[tuple[bytes, bytes], ...]
    where: str
    values: Mapping[bytes, bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", dict(self.items))

    def text(self, key: bytes) -> bytes:
        """A value without NUL; empty if there is none."""
        value = self.values.get(key, b"")
        if b"\0" in value:
            raise InputError(f"{self.where}: pax record {key.decode()} contains a NUL character")
        return value

    def number(self, key: bytes, high: int) -> int | None:
        """A decimal number from 0 to `high`."""
        value = self.text(key)
        return decimal(value, high, f"{self.where}: pax record {key.decode()}") if value else None

    def seconds(self, key: bytes) -> int | None:
        """A time in whole seconds, rounded down."""
        value = self.text(key)
        if not value:
            return None
        match = _SECONDS.fullmatch(value)
        if not match:
            raise InputError(f"{self.where}: pax record {key.decode()}: {value[:50]!r} is no time")
        if not match[1]:
            return int(match[2])
        return -int(match[2]) - bool((match[3] or b"").strip(b"0"))

    def xattrs(self) -> tuple[tuple[bytes, bytes], ...]:
        """The extended attributes (SCHILY.xattr.NAME), sorted by name."""
        found: dict[bytes, bytes] = {}
        for key, value in self.values.items():
            if key.startswith(_XATTR):
                name = key[len(_XATTR) :]
                if not 0 < len(name) <= _MAX_XATTR_NAME or b"\0" in name or len(value) > _MAX_XATTR_VALUE:
                    raise InputError(
                        f"{self.where}: extended attribute {shown(name)} of {len(value)} bytes: Linux "
                        f"takes names of 1 to {_MAX_XATTR_NAME} bytes and values of {_MAX_XATTR_VALUE}"
                    )
                found[name] = value
        return tuple(sorted(found.items()))


def parse_records(data: bytes, where: str) -> Records:
    """The records of a header. Raises InputError, naming `where`, if it is malformed."""
    items: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(data):
        blank = data.find(b" ", position, position + _MAX_LENGTH_DIGITS + 1)
        digits = data[position:blank] if blank >= 0 else b""
        end = position + (int(digits) if digits.isdigit() else 0)
        key, equals, value = data[blank + 1 : end].partition(b"=")
        if not key or not equals or not value.endswith(b"\n") or end > len(data):
            raise InputError(f"{where}: malformed pax header at its byte {position}")
        items.append((key, value[:-1]))
        position = end
    return Records(tuple(items), where)
