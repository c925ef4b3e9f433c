"""Words that every report on a difference uses: who wrote a file, what an attribute says.

All of it can be shown as it is.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from measure.diff.model import Attribute, Change, Difference, Origin
from olos_cli.text import size, visible

"""What builders write before a command: the instruction, and the number of ARGs with their values."""
_LAST_YEAR_9999 = 253402300799
_DIGITS = 16
"""Digits of the digest of a content that are shown, enough to tell two apart."""

Group = tuple[str, list[Change]]


def files_of(difference: Difference) -> list[Change]:
    """The files that differ, but for those that came or went with a directory above them."""
    return [change for change in difference.changes if change.kind == "file" and change.inside is None]


def chosen(files: Sequence[Change], limit: int) -> list[Change]:
    """At most `limit` of some files: those without a cause first, then of each cause in turn."""
    if len(files) <= limit:
        return list(files)
    groups: defaultdict[tuple[str, ...], list[Change]] = defaultdict(list)
    for change in files:
        groups[tuple(cause.name for cause in change.causes)].append(change)
    picked = groups.pop((), [])[:limit]
    for turn in range(max(map(len, groups.values()), default=0)):
        if len(picked) >= limit:
            break
        picked += [group[turn] for group in groups.values() if turn < len(group)]
    wanted = set(map(id, picked[:limit]))
    return [change for change in files if id(change) in wanted]


def by_origin(files: Iterable[Change]) -> list[Group]:
    """Files by who wrote them: lines of the Dockerfile in order, then layers, olos itself, nobody known."""
    groups: dict[tuple[int, int, int], list[Change]] = {}
    for change in files:
        groups.setdefault(_order(change.origin), []).append(change)
    return [(_title(changes[0].origin), changes) for _, changes in sorted(groups.items())]


def _order(origin: Origin | None) -> tuple[int, int, int]:
    if origin is None:
        return 3, 0, 0
    if origin.line is not None:
        return 0, origin.line, 0
    return (2, 0, 0) if origin.layer == 0 else (1, 0, origin.layer)


def _title(origin: Origin | None) -> str:
    return "" if origin is None else origin_title(origin)


def origin_title(origin: Origin) -> str:
    """Who wrote a file, as in `Dockerfile line 7: RUN apt-get install curl`."""
    if origin.layer == 0:
        return "olos itself"
    if origin.line is not None:
        where = f"Dockerfile line {origin.line}"
    else:
        where = f"base image, layer {origin.layer}" if origin.base else f"layer {origin.layer}"
    return f"{where}: {visible(origin.instruction)}" if origin.instruction else where


def value(name: str, text: str | None) -> str:
    """The value of an attribute of a file; a dash where there is none."""
    if text is None:
        return "–"
    if name == "content":
        return f"{text[:_DIGITS]}…"
    if name == "mtime":
        return _moment(int(text))
    if name in ("size", "image_size") and text.isdigit():
        return f"{int(text):,}"
    return visible(text)


def _moment(seconds: int) -> str:
    if seconds > _LAST_YEAR_9999:
        return str(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def described(change: Change) -> str:
    """An added or removed file in a few words, as in `file 0755, 12.3 KiB`."""
    values = {attribute.name: _either(attribute) for attribute in change.attributes}
    words = f"{values.get('type', '')} {values.get('mode', '')}"
    if (values.get("uid"), values.get("gid")) != ("0", "0"):
        words += f" {values.get('uid', '')}:{values.get('gid', '')}"
    if "size" in values:
        words += f", {size(int(values['size']))}"
    if "target" in values:
        words += f" to {visible(values['target'])}"
    if change.below:
        words += f", with {amount(change.below, 'entry', 'entries')} below"
    return words


def _either(attribute: Attribute) -> str:
    return attribute.new if attribute.new is not None else attribute.old or ""


def amount(count: int, one: str, many: str) -> str:
    """A number of things, as in `1 file` or `1,200 files`."""
    return f"{count:,} {one if count == 1 else many}"
