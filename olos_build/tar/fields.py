"""Numbers, strings and names as they stand in tar headers (tar(5), pax(1))."""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import adler32

from olos.errors import InputError

MAX_SIZE = 2**53 - 1
MAX_ID = 2**32 - 2
_DECIMAL = re.compile(rb"[0-9]{1,19}")
_SHOWN = 150


def string(field: bytes) -> bytes:
    """A string that ends at the first NUL or with its field."""
    return field.partition(b"\0")[0]


@lru_cache(1 << 12)  # owners, modes and times repeat
def number(field: bytes) -> int | None:
    """A number: octal digits, or base 256 when the first bit is set. None if it is neither."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    digits = string(field.strip(b" \0")) or b"0"
    try:
        return int(digits, 8) if digits.isdigit() else None
    except ValueError:  # an 8 or a 9
        return None


def bounded(field: bytes, where: str, what: str, low: int, high: int) -> int:
    """A number from `low` to `high`. Raises InputError naming `where` and `what`."""
    value = number(field)
    if value is None or not low <= value <= high:
        raise InputError(f"{where}: {what} {field!r} is no number from {low} to {high}")
    return value


def byte_sum(block: bytes) -> int:
    """The sum of the bytes of a header block, by Adler-32: exact, since its modulus is above 256 * 255."""
    return (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2


def decimal(text: bytes, high: int, what: str) -> int:
    """Decimal digits of a number from 0 to `high`. Raises InputError naming `what`."""
    if not _DECIMAL.fullmatch(text) or int(text) > high:
        raise InputError(f"{what}: {text[:50]!r} is no number from 0 to {high}")
    return int(text)


def shown(name: bytes) -> str:
    """A name for a message: quoted, printable, a line or two at most."""
    text = repr(name[:_SHOWN].decode("utf-8", "backslashreplace"))
    return text if len(name) <= _SHOWN else text + "…"
