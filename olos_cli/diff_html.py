"""The HTML report of `olos diff`: one page that stands alone.

It loads nothing and can be read without its script; its Content-Security-Policy forbids all else
(CSP level 3: the hashes of the one style and the one script are allowed). No text from an image can
become markup: see `olos_cli.html`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator

from measure.diff.model import Attribute, CauseCount, Change, Difference
from olos.digest import Digest
from olos_cli.diff_html_assets import SCRIPT, STYLE
from olos_cli.diff_html_files import files_section
from olos_cli.diff_html_values import facts
from olos_cli.diff_words import amount
from olos_cli.html import Markup, foreign, tag

_SECTIONS = {
    "manifest": ("Configuration and policy", "Keys of the manifest."),
    "component": (
        "Components",
        "Files that the manifest names by their digests. Those of rootfs.img follow from the files in it.",
    ),
    "annotation": (
        "Inputs",
        "What the annotations say of the builds. Not measured: it explains, it proves nothing.",
    ),
}
_HEX_GROUP = 8


def page(difference: Difference) -> str:
    """The whole page."""
    content = [*_sections(difference)]
    return "<!doctype html>\n" + tag(
        "html",
        _head(difference),
        tag(
            "body",
            tag("header", _verdict(difference), class_="page"),
            tag("main", *content),
            _footer(),
            _script(),
        ),
        lang="en",
    )


def _head(difference: Difference) -> Markup:
    policy = f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; img-src data:; "
    policy += "base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"olos diff: {difference.old_name} → {difference.new_name}"),
        tag("style", Markup(STYLE)),
    )


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _script() -> Markup:
    return tag("script", Markup(SCRIPT))


def _verdict(difference: Difference) -> Markup:
    if difference.equal:
        state, title = "equal", "The measurements are equal"
        words = "Every measured byte is the same."
    elif difference.debug_twin:
        state, title = "twin", "These differ in debug mode only"
        words = "One is the debug twin of the other: nothing else differs."
    else:
        state, title = "differ", "The measurements differ"
        words = _summary(difference)
    values = tag(
        "dl",
        *_value("old", difference.old_name, difference.old_measurement, difference.new_measurement),
        *_value("new", difference.new_name, difference.new_measurement, difference.old_measurement),
        class_="values",
    )
    return tag(
        "div", tag("h1", title), tag("p", words, class_="soft"), values, class_=f"card verdict {state}"
    )


def _summary(difference: Difference) -> str:
    """One sentence on how much there is, and why."""
    total, unexplained = difference.files.total, difference.unexplained
    if not difference.files_known:
        what = "Single files could not be compared"
    elif total:
        what = amount(total, "file differs", "files differ")
    else:
        what = "No file differs"
    if not difference.causes:
        return f"{what}; no cause is known."
    rest = f", {amount(unexplained, 'file', 'files')} unexplained" if unexplained else ""
    return f"{what}; {amount(len(difference.causes), 'cause', 'causes')} found{rest}."


def _value(side: str, name: str, value: Digest, other: Digest) -> Iterator[Markup]:
    yield tag("dt", side)
    yield tag("dd", foreign(name), _hex(value.hex, other.hex), class_=side)


def _hex(value: str, other: str) -> Markup:
    """Digits in groups that lines break between; those that differ are marked. Copied, they are one word."""
    groups = [
        tag("span", *_marked_digits(value[i : i + _HEX_GROUP], other[i : i + _HEX_GROUP]))
        for i in range(0, len(value), _HEX_GROUP)
    ]
    return tag("code", *groups, class_="hex")


def _marked_digits(value: str, other: str) -> Iterator[Markup]:
    for digit, opposite in zip(value, other, strict=True):
        yield Markup(digit) if digit == opposite else tag("mark", digit)


def _sections(difference: Difference) -> Iterator[Markup]:
    yield _tiles(difference)
    if difference.notes:
        yield _section(
            "notes", "Notes", tag("ul", *(tag("li", note) for note in difference.notes), class_="notes")
        )
    if difference.causes:
        yield _section("causes", "Why", *map(_cause, difference.causes))
    for kind, (title, words) in _SECTIONS.items():
        changes = [change for change in difference.changes if change.kind == kind]
        if changes:
            table = tag("div", facts(title, [*_rows(changes)]), class_="card scroll")
            yield _section(kind, title, tag("p", words, class_="soft"), table)
    if difference.files.total:
        yield _section("files", "Files", *files_section(difference))


def _section(name: str, title: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title, id=name), *content, aria_labelledby=name)


def _tiles(difference: Difference) -> Markup:
    """How much of each kind differs, with links."""
    kinds = Counter(change.kind for change in difference.changes)
    files = difference.files
    counts = (
        (kinds["manifest"], "manifest key", "manifest keys", "manifest"),
        (kinds["component"], "component", "components", "component"),
        (kinds["annotation"], "input", "inputs", "annotation"),
        (files.changed, "file changed", "files changed", "files"),
        (files.added, "file added", "files added", "files"),
        (files.removed, "file removed", "files removed", "files"),
    )
    tiles = [
        tag("li", tag("a", tag("b", f"{count:,}"), f" {one if count == 1 else many}", href=f"#{target}"))
        for count, one, many, target in counts
        if count
    ]
    return tag("ul", *tiles, class_="tiles") if tiles else Markup("")


def _cause(count: CauseCount) -> Markup:
    cause = count.cause
    head = tag(
        "header",
        tag("h3", cause.text),
        tag("span", amount(count.changes, "difference", "differences"), class_="count"),
    )
    evidence = facts("What it comes down to", [(a.name, a) for a in count.evidence]) if count.evidence else ""
    cure = tag("p", cause.cure, class_="cure")
    return tag("article", head, cure, evidence, id=f"cause-{cause.name}", class_="card cause")


def _rows(changes: list[Change]) -> Iterator[tuple[str, Attribute]]:
    """Rows of a table: a key alone where there is one value, else the subject with each attribute."""
    for change in changes:
        for attribute in change.attributes:
            alone = len(change.attributes) == 1 and attribute.name == "value"
            yield change.subject if alone else f"{change.subject}: {attribute.name}", attribute


def _footer() -> Markup:
    words = "Both measurements were computed from the bytes of what was compared, not read from what it says."
    return tag("footer", tag("p", words))
