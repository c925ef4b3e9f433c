"""Old and new values in the HTML report of `olos diff`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from measure.diff.model import Attribute
from olos_cli.html import Markup, foreign, join, tag, text

MAX_ROWS = 500
"""Most values in one table or list."""

_DIGEST = re.compile(r"(?:sha(?:256|384|512):)?[0-9a-f]{40,128}")
_TIME = re.compile(r"[0-9]{1,12}")
_LAST_TIME = 253402300799  # 9999-12-31 23:59:59, where datetime ends


def facts(caption: str, rows: Sequence[tuple[str, Attribute]]) -> Markup:
    """A table of names with old and new values."""
    head = tag("tr", *(tag("th", name, scope="col") for name in ("name", "old", "new")))
    body = [
        tag(
            "tr",
            tag("th", foreign(name), scope="row"),
            *(
                tag("td", shown, class_=side, data_side=side)
                for side, shown in zip(("old", "new"), values(attribute), strict=True)
            ),
        )
        for name, attribute in rows[:MAX_ROWS]
    ]
    if len(rows) > MAX_ROWS:
        body.append(tag("tr", tag("td", _more(rows), colspan="3", class_="soft")))
    return tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_="facts")


def change_list(attributes: Sequence[Attribute]) -> Markup:
    """A list of names with `old → new`."""
    parts = [part for attribute in attributes[:MAX_ROWS] for part in _change(attribute)]
    if len(attributes) > MAX_ROWS:
        parts.append(tag("dd", _more(attributes), class_="soft"))
    return tag("dl", *parts, class_="change")


def _more(items: Sequence[object]) -> str:
    return f"and {len(items) - MAX_ROWS:,} more"


def _change(attribute: Attribute) -> Iterator[Markup]:
    old, new = values(attribute, short=True)
    arrow = tag("span", "→", class_="arrow")
    yield tag("dt", attribute.name)
    yield tag("dd", tag("span", old, class_="old"), arrow, tag("span", new, class_="new"))


def values(attribute: Attribute, *, short: bool = False) -> tuple[Markup, Markup]:
    """Both values, with what differs marked. `short`: of digests the beginning, the whole as a title."""
    old, new = attribute.old, attribute.new
    if old is None or new is None or _DIGEST.fullmatch(old) or _DIGEST.fullmatch(new):
        return _value(attribute.name, old, short), _value(attribute.name, new, short)
    if attribute.name == "mtime":
        return _time(old), _time(new)
    start, end = _common(old, new)
    return _marked(old, start, end), _marked(new, start, end)


def _value(name: str, value: str | None, short: bool) -> Markup:
    if value is None:
        return tag("span", "none", class_="soft")
    if short and _DIGEST.fullmatch(value):
        return foreign(value[:16] + "…", title=value)
    return _time(value) if name == "mtime" else foreign(value)


def _time(seconds: str) -> Markup:
    """Seconds since 1970, and what time that is."""
    if _TIME.fullmatch(seconds) and int(seconds) <= _LAST_TIME:
        moment = datetime.fromtimestamp(int(seconds), UTC)
        return join([foreign(seconds), tag("span", f" ({moment:%Y-%m-%d %H:%M:%S} UTC)", class_="soft")])
    return foreign(seconds)


def _common(old: str, new: str) -> tuple[int, int]:
    """How many characters both begin with, and how many of the rest both end with: whole words only."""
    limit = min(len(old), len(new))
    start = next((i for i in range(limit) if old[i] != new[i]), limit)
    end = next((i for i in range(limit - start) if old[-1 - i] != new[-1 - i]), limit - start)
    while start and any(value[start - 1 : start + 1].isalnum() for value in (old, new)):
        start -= 1
    while end and any(value[len(value) - end - 1 : len(value) - end + 1].isalnum() for value in (old, new)):
        end -= 1
    return start, end


def _marked(value: str, start: int, end: int) -> Markup:
    middle = value[start : len(value) - end]
    parts = [text(value[:start]), tag("mark", middle) if middle else "", text(value[len(value) - end :])]
    return tag("code", tag("bdi", *parts))
