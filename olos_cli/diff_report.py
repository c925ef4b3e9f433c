"""What `olos diff` found, as text for people, at most 80 columns wide but for long names and digests."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from measure.diff.model import Attribute, CauseCount, Change, Difference
from olos_cli import diff_words as words
from olos_cli.diff_folding import Folded, fold, telling
from olos_cli.diff_json import as_json
from olos_cli.text import visible

__all__ = ["FILES_SHOWN", "as_json", "as_text"]

FILES_SHOWN = 20
"""Files that are shown if nothing else is asked for."""

_WIDTH = 80
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_PACKAGES_SHOWN = 10
_SECTIONS = (
    ("manifest", "configuration"),
    ("component", "components"),
    ("annotation", "inputs, which are not measured"),
)


def as_text(difference: Difference, limit: int = FILES_SHOWN) -> Iterator[str]:
    """The report for people; at most `limit` files are shown."""
    if difference.debug_twin and not difference.equal:
        yield _debug_twin(difference)
        return
    yield from _head(difference)
    if difference.equal:
        return
    if difference.causes:
        yield ""
        yield "causes, with the number of differences that each explains"
        for count in difference.causes:
            yield from _cause(count)
    for kind, title in _SECTIONS:
        changes = [change for change in difference.changes if change.kind == kind]
        if changes:
            yield ""
            yield title
            for change in changes:
                yield from _consequence(change) if _follows(change, difference) else _change(change)
    yield from _files(difference, limit)
    for note in difference.notes:
        yield ""
        yield from _wrapped(f"note: {visible(note)}", "", "      ")


def _debug_twin(difference: Difference) -> str:
    twin = next(change for change in difference.changes if change.subject == "policy.debug")
    names = [visible(difference.old_name), visible(difference.new_name)]
    debug, other = names if twin.attributes[0].old == "true" else reversed(names)
    return f"{debug} is the debug twin of {other}: nothing but policy.debug differs"


def _head(difference: Difference) -> Iterator[str]:
    if difference.equal:
        yield f"equal  {difference.old_measurement.hex}"
        yield f"       {visible(difference.old_name)}"
        yield f"       {visible(difference.new_name)}"
        return
    yield f"old  {difference.old_measurement.hex}"
    yield f"     {visible(difference.old_name)}"
    yield f"new  {difference.new_measurement.hex}"
    yield f"     {visible(difference.new_name)}"


def _cause(count: CauseCount) -> Iterator[str]:
    yield f"{count.changes:>7,}  {count.cause.name}"
    yield from _wrapped(count.cause.text, " " * 9, " " * 9)
    yield from _wrapped(f"cure: {count.cause.cure}", " " * 9, " " * 9)
    yield from _attributes(count.evidence[:_PACKAGES_SHOWN], 9)
    if len(count.evidence) > _PACKAGES_SHOWN:
        yield f"{'':9}… and {len(count.evidence) - _PACKAGES_SHOWN:,} more"


def _files(difference: Difference, limit: int) -> Iterator[str]:
    files = words.files_of(difference)
    if not files:
        return
    yield ""
    yield _numbers(difference)
    folded = {folded.first.subject: folded for folded in fold(files)}
    shown = words.chosen([each.first for each in folded.values()], limit)
    for title, changes in words.by_origin(shown):
        if title:
            yield f"  {_cut(title, _WIDTH - 2)}"
        for change in changes:
            yield from _folded(folded[change.subject])
    inside = sum(change.below for change in files)
    rest = difference.files.total - inside - sum(folded[change.subject].count for change in shown)
    if rest > 0:
        yield f"  … and {words.amount(rest, 'other', 'others')}: --limit shows more, --format json all"


def _numbers(difference: Difference) -> str:
    counts = difference.files
    numbers = [(counts.added, "added"), (counts.removed, "removed"), (counts.changed, "changed")]
    line = "files: " + ", ".join(f"{number:,} {name}" for number, name in numbers if number)
    return f"{line}; {difference.unexplained:,} without a known cause" if difference.unexplained else line


def _folded(folded: Folded) -> Iterator[str]:
    if folded.count == 1:
        return _change(folded.first)
    head = f"  {_SIGNS[folded.first.what]} {visible(folded.folder)}"
    return _joined(head, words.amount(folded.count, "file", "files"), _tags(folded.first))


def _follows(change: Change, difference: Difference) -> bool:
    """Whether a component differs because files in it do, which are shown one by one."""
    return difference.files.total > 0 and any(each.name == "tree_root" for each in change.attributes)


def _consequence(change: Change) -> Iterator[str]:
    yield f"  {_SIGNS[change.what]} {change.subject}  both roots, which follow from the files below"


def _change(change: Change) -> Iterator[str]:
    head = f"  {_SIGNS[change.what]} {visible(change.subject)}"
    tail = _tags(change)
    if change.kind == "file" and change.what != "changed":
        yield from _joined(head, words.described(change), tail)
        return
    attributes = telling(change)
    if len(attributes) == 1 and attributes[0].name in ("value", "mtime", "mode", "uid", "gid", "target"):
        yield from _single(head, attributes[0], tail)
        return
    yield f"{head}{' ' if tail else ''}{tail}"
    yield from _attributes(attributes, 6)


def _tags(change: Change) -> str:
    return "".join(f" [{cause.name}]" for cause in change.causes) if change.kind == "file" else ""


def _single(head: str, attribute: Attribute, tail: str) -> Iterator[str]:
    """A change of one value on the line of its name, if there is room."""
    old, new = _values(attribute)
    text = _arrow(old, new) if attribute.name == "value" else f"{attribute.name} {_arrow(old, new)}"
    if len(f"{head}  {text} {tail}") <= _WIDTH:
        yield from _joined(head, text, tail)
    else:
        yield f"{head}{' ' if tail else ''}{tail}"
        yield from _attributes([attribute], 6)


def _joined(head: str, text: str, tail: str) -> Iterator[str]:
    line = f"{head}  {text}{' ' if tail else ''}{tail}"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield head
        yield f"      {text}{' ' if tail else ''}{tail}"


def _attributes(attributes: Sequence[Attribute], indent: int) -> Iterator[str]:
    """One line for each attribute, or two, one below the other, where the values are long."""
    width = max((len(visible(attribute.name)) for attribute in attributes), default=0)
    for attribute in attributes:
        name = visible(attribute.name).ljust(min(width, 24))
        old, new = _values(attribute)
        line = f"{'':{indent}}{name}  {_arrow(old, new)}"
        if len(line) <= _WIDTH:
            yield line
            continue
        room = max(64, _WIDTH - indent - len(name) - 2)
        old, new = _shortened(old, new, room)
        yield f"{'':{indent}}{name}  {old}"
        yield f"{'':{indent}}{'→':>{len(name)}}  {new}"


def _values(attribute: Attribute) -> tuple[str, str]:
    return words.value(attribute.name, attribute.old), words.value(attribute.name, attribute.new)


def _arrow(old: str, new: str) -> str:
    if old == "–":
        return new
    return f"{old} (gone)" if new == "–" else f"{old} → {new}"


def _shortened(old: str, new: str, room: int) -> tuple[str, str]:
    """Both values cut to `room` characters around the first place where they differ."""
    pairs = zip(old, new, strict=False)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    start = max(0, first - room // 3) if max(len(old), len(new)) > room else 0
    return _window(old, start, room), _window(new, start, room)


def _window(text: str, start: int, room: int) -> str:
    return _cut(f"…{text[start + 1 :]}" if start else text, room)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _wrapped(text: str, first: str, rest: str) -> Iterable[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
