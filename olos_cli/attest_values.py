"""Values of the options of `olos attest verify`: callbacks that read them or raise click.BadParameter."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from measure.evidence.model import Value

_DIGEST_SIZES = (32, 48, 64)
_MAX_DIGITS = 2 * 1024
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")


def digits(_: click.Context, parameter: click.Parameter, value: str | None) -> bytes | None:
    """Bytes as hexadecimal digits."""
    return None if value is None else _bytes(value, parameter)


def digest(_: click.Context, parameter: click.Parameter, value: str | None) -> bytes | None:
    """A digest as hexadecimal digits."""
    if value is None:
        return None
    data = _bytes(value, parameter)
    if len(data) not in _DIGEST_SIZES:
        sizes = " or ".join(str(2 * size) for size in _DIGEST_SIZES)
        raise click.BadParameter(f"has {2 * len(data)} digits, expected {sizes}", param=parameter)
    return data


def registers(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Value, ...]:
    """Each NAME=HEX."""
    pairs = [_pair(value, parameter) for value in values]
    return tuple(Value(name, _bytes(text, parameter)) for name, text in pairs)


def numbers(
    _: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, int], ...]:
    """Each NAME=N, N from 0 to 255."""
    found = []
    for value in values:
        name, text = _pair(value, parameter)
        if not re.fullmatch("[0-9]{1,3}", text) or int(text) > 255:
            raise click.BadParameter(f"{text[:80]!r} is no number from 0 to 255", param=parameter)
        found.append((name, int(text)))
    return tuple(found)


def moment(_: click.Context, parameter: click.Parameter, value: str | None) -> datetime:
    """A time as RFC 3339 has it; the present one if none is given."""
    if value is None:
        return datetime.now(UTC)
    if _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise click.BadParameter(f"{value!r} is no time of the calendar", param=parameter) from exc
    raise click.BadParameter(f"{value[:80]!r} is no time such as 2026-01-31T12:00:00Z", param=parameter)


def _pair(value: str, parameter: click.Parameter) -> tuple[str, str]:
    name, separator, text = value.partition("=")
    if not separator or not _NAME.fullmatch(name):
        raise click.BadParameter(f"{value[:80]!r} is not NAME=VALUE", param=parameter)
    return name, text


def _bytes(value: str, parameter: click.Parameter) -> bytes:
    if len(value) > _MAX_DIGITS or not _HEX.fullmatch(value):
        raise click.BadParameter(
            f"{value[:80]!r} is not an even number of hexadecimal digits", param=parameter
        )
    return bytes.fromhex(value)
