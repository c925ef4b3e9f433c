"""The files in the HTML report of `olos diff`, grouped by the line of the Dockerfile that wrote them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from measure.diff.model import Change, Difference, Origin
from olos_cli import diff_words as words
from olos_cli.diff_html_values import change_list
from olos_cli.html import Markup, foreign, tag

MAX_FILES = 2000
"""Most files on a page; a browser has trouble with more. The JSON report has them all."""
MAX_MARKUP = 16 << 20
"""Most characters for files, whatever is in their names and values."""
MAX_INSIDE = 100
"""Most names shown of what came or went with a directory."""
_OPEN = 30
"""A page with so many files or fewer shows all of them at once."""


def files_section(difference: Difference) -> Iterator[Markup]:
    """The groups, with a note on what is left out."""
    inside: dict[str, list[Change]] = defaultdict(list)
    for change in difference.changes:
        if change.inside is not None:
            inside[change.inside].append(change)
    files = words.files_of(difference)
    shown = set(map(id, words.chosen(files, MAX_FILES)))
    if len(files) > 1:
        yield _tools()
    room = MAX_MARKUP
    for _, changes in words.by_origin(files):
        items: list[Markup] = []
        for change in changes:
            if id(change) in shown and room > 0:
                items.append(_file(change, inside.get(change.subject, ())))
                room -= len(items[-1])
        yield _group(changes, items, is_open=len(files) <= _OPEN)
    if difference.left_out:
        yield _more(difference.left_out, "")


def _tools() -> Markup:
    """For the script, which shows them."""
    hint = "Filter by path, cause or attribute"
    field = tag("input", type="search", placeholder=hint, aria_label="Filter the files")
    buttons = [tag("button", name, type="button") for name in ("Open all", "Close all")]
    return tag("div", field, *buttons, tag("span", role="status", class_="soft"), class_="tools", hidden="")


def _group(changes: Sequence[Change], items: Collection[Markup], *, is_open: bool) -> Markup:
    counts = Counter(change.what for change in changes)
    amounts = ", ".join(
        f"{counts[what]:,} {what}" for what in ("changed", "added", "removed") if counts[what]
    )
    title, step = _title(changes[0].origin)
    content = [
        tag(
            "summary",
            tag("h3", title),
            tag("span", step, class_="step"),
            tag("span", amounts, class_="count"),
        ),
        tag("ul", *items, class_="files"),
    ]
    if len(items) < len(changes):
        content.append(_more(len(changes) - len(items), " of this group"))
    return tag("details", *content, class_="card group", **({"open": ""} if is_open else {}))


def _more(count: int, where: str) -> Markup:
    text = f"Not shown: {words.amount(count, 'more file', 'more files')}{where}."
    return tag("p", f"{text} 'olos diff --format json' lists more.", class_="more")


def _title(origin: Origin | None) -> tuple[str, Markup]:
    """What wrote a group of files, and the instruction as far as it is known."""
    if origin is None:
        return "Not known which step wrote them", Markup("")
    step = foreign(origin.instruction) if origin.instruction else Markup("")
    if origin.layer == 0:
        return "Made by olos itself", Markup("")
    if origin.line is not None:
        return f"Dockerfile line {origin.line}", step
    return f"{'Base image, layer' if origin.base else 'Layer'} {origin.layer}", step


def _file(change: Change, inside: Sequence[Change]) -> Markup:
    """One file; what is listed below it came or went with it."""
    head = [tag("span", change.what, class_=f"badge {change.what}"), foreign(change.subject, class_="path")]
    head += [
        tag("a", cause.name, class_="chip", href=f"#cause-{cause.name}", title=cause.text)
        for cause in change.causes
    ]
    parts = [tag("div", *head, class_="file")]
    if change.what != "changed":
        parts.append(tag("p", words.described(change), class_="soft described"))
    attributes = (*change.attributes, *change.evidence) if change.what == "changed" else change.evidence
    if attributes:
        parts.append(change_list(attributes))
    if change.below and inside:
        parts.append(_inside(change, inside))
    return tag("li", *parts)


def _inside(change: Change, known: Sequence[Change]) -> Markup:
    names = [tag("li", foreign(child.subject)) for child in known[:MAX_INSIDE]]
    if change.below > len(names):
        names.append(tag("li", f"and {change.below - len(names):,} more", class_="soft"))
    return tag("details", tag("summary", "what is inside"), tag("ul", *names), class_="inside")
