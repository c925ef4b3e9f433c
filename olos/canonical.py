"""Canonical JSON: RFC 8785 (JCS), restricted to integers.

`encode` gives the one spelling of a value; `decode` accepts that spelling only, so that
bytes and value determine each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias

from olos.errors import InputError

JSON: TypeAlias = "str | int | bool | Sequence[JSON] | Mapping[str, JSON] | None"

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON implementation keeps exactly (RFC 7493 section 2.2)."""


def encode(value: JSON) -> bytes:
    """The canonical bytes of a value. Raises ValueError if it has none (floats, lone surrogates)."""
    return _text(value).encode("utf-8")


def _text(value: JSON) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError(f"{value} is outside of the range of exact integers")
        return str(value)
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{_text(member)}" for name, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    raise ValueError(f"{type(value).__name__} has no canonical JSON form")


def decode(data: bytes, *, where: str, limit: int = 1 << 20) -> JSON:
    """The value of canonical bytes of at most `limit` bytes.

    Raises InputError, naming `where`, for anything that `encode` would not have written.
    """
    if len(data) > limit:
        raise InputError(f"{where}: {len(data)} bytes of JSON, more than the limit of {limit}")
    value = parse(data, where=where)
    try:
        canonical = encode(value)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{where}: not canonical JSON: {exc}") from exc
    if canonical != data:
        position = next(
            (i for i, (a, b) in enumerate(zip(canonical, data, strict=False)) if a != b),
            min(len(canonical), len(data)),
        )
        raise InputError(
            f"{where}: not in canonical form (RFC 8785) from byte {position} on",
            hint="sorted keys, no blanks, no final newline, shortest escapes",
        )
    return value


def parse(data: bytes, *, where: str) -> JSON:
    """The value of any strict JSON text: no duplicate keys, no fractions.

    Raises InputError, naming `where`.
    """
    try:
        value: JSON = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except UnicodeDecodeError as exc:
        raise InputError(f"{where}: not UTF-8 at byte {exc.start}") from exc
    except ValueError as exc:
        raise InputError(f"{where}: {exc}") from exc
    except RecursionError as exc:
        raise InputError(f"{where}: nested too deeply") from exc
    return value


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    result: dict[str, JSON] = {}
    for name, member in pairs:
        if name in result:
            raise ValueError(f"key {name!r} appears twice")
        result[name] = member
    return result


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"number {text} is not an integer")
