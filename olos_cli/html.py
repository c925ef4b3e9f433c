"""Making HTML that foreign text cannot break (HTML Living Standard, section 13.1).

Whatever is no `Markup` yet is made visible and escaped on its way into an element.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from olos_cli.text import visible

MAX_TEXT = 4000
"""Characters of one foreign text that are shown; the rest is counted."""

_VOID = frozenset(("input", "link", "meta"))


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Text as HTML: on one line, nothing invisible in it, cut when it is long."""
    if isinstance(value, Markup):
        return value
    shown = visible(value[:MAX_TEXT])
    if len(value) > MAX_TEXT:
        shown += f"… ({len(value) - MAX_TEXT:,} characters more)"
    return Markup(html.escape(shown))


def join(parts: Iterable[str]) -> Markup:
    """Parts one after the other."""
    return Markup("".join(map(text, parts)))


def tag(name: str, /, *content: str, **attributes: str) -> Markup:
    """An element. Attributes are written with `_` for `-`, and one behind names that Python keeps."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def foreign(value: str, **attributes: str) -> Markup:
    """A name or value from outside: in the type of code, and its direction of writing stays inside."""
    return tag("code", tag("bdi", value), **attributes)
