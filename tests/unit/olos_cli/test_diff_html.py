"""The HTML report: its text, and what a real browser makes of it."""

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from measure.diff.model import Attribute, Cause, CauseCount, Change, Difference, FileCounts, Origin
from olos_cli.diff_html import page
from olos_cli.diff_html_files import MAX_FILES, MAX_INSIDE, MAX_MARKUP
from olos_cli.diff_html_values import MAX_ROWS
from olos_cli.html import MAX_TEXT
from support.browser import Visit, visit
from support.differences import NEW, OLD, debug_twin, equal, rich

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=HERE/leak onerror=alert(2)>&amp;\x1b[2J\u202egnp\u2028\udc80`"
)


class Reader(HTMLParser):
    """What a reader sees: the text of the page by sections, and of each element with a class."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.elements: list[tuple[str, str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.elements.append((tag, values.get("class") or "", values))
        if tag not in ("meta", "link", "input"):
            self.open.append((tag, values.get("class") or values.get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag, f"{tag} is closed in the wrong place"

    def handle_data(self, data: str) -> None:
        for tag, name in self.open:
            for key in {tag, name} - {""}:
                self.texts.setdefault(key, []).append(data)

    def text(self, key: str) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts.get(key, []))).strip()


def hostile() -> Difference:
    """Foreign text wherever it can stand."""
    attribute = Attribute(HOSTILE, HOSTILE, HOSTILE + "x")
    cause = Cause(HOSTILE, HOSTILE, HOSTILE)
    origin = Origin(1, 2, HOSTILE, base=False)
    changes = [
        Change(kind, HOSTILE, "changed", (attribute,)) for kind in ("manifest", "component", "annotation")
    ]
    changes += [
        Change("file", HOSTILE, "changed", (attribute,), (attribute,), (cause,), origin, origin),
        Change("file", "/d", "added", (Attribute("target", None, HOSTILE),), (), (), None, origin, below=1),
        Change("file", HOSTILE, "added", inside="/d"),
    ]
    counts = (CauseCount(cause, 1, (attribute,)),)
    return Difference(HOSTILE, HOSTILE, OLD, NEW, tuple(changes), counts, (HOSTILE,), FileCounts(1, 0, 1))


@cache
def visited(name: str) -> Visit:
    return visit(page({"rich": rich, "hostile": hostile}[name]()))


@pytest.mark.parametrize(
    "difference", [rich(), debug_twin(), equal(), hostile()], ids=["rich", "twin", "equal", "hostile"]
)
def test_elements_are_nested_and_names_are_known(difference: Difference) -> None:
    source = page(difference)
    reader = Reader(source)
    assert reader.open == []
    ids = [values["id"] for _, _, values in reader.elements if "id" in values]
    assert len(ids) == len(set(ids))
    links = [str(values["href"]) for tag, _, values in reader.elements if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_it_loads_nothing() -> None:
    source = page(rich())
    reader = Reader(source)
    assert [tag for tag, _, _ in reader.elements if tag in ("img", "iframe", "object", "base", "form")] == []
    assert [values for _, _, values in reader.elements if "src" in values or "style" in values] == []
    assert "http" not in source.replace("http-equiv", "")
    assert "url(" not in source
    assert "@import" not in source


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (rich(), "The measurements differ12 files differ; 2 causes found, 5 files unexplained."),
        (equal(), "The measurements are equal"),
        (debug_twin(), "These differ in debug mode only"),
        (replace(rich(), files_known=False), "The measurements differSingle files could not be compared;"),
        (Difference("a", "b", OLD, NEW), "The measurements differNo file differs; no cause is known."),
        (
            Difference("a", "b", OLD, NEW, (), files=FileCounts(1), unexplained=1),
            "The measurements differ1 file differs; no cause is known.",
        ),
    ],
    ids=["rich", "equal", "twin", "files unknown", "no file", "no cause"],
)
def test_verdict(difference: Difference, verdict: str) -> None:
    assert Reader(page(difference)).text("page").startswith(verdict)


def test_both_measurements_with_what_differs() -> None:
    reader = Reader(page(rich()))
    assert reader.text("hex") == OLD.hex + NEW.hex
    same = sum(a == b for a, b in zip(OLD.hex, NEW.hex, strict=True))
    values = page(rich()).partition("</dl>")[0]
    assert values.count("<mark>") == 2 * (64 - same)
    assert "<mark>" not in page(equal())


def test_many_files_are_folded_and_limited() -> None:
    source = page(replace(rich(MAX_FILES + 500), left_out=70_000))
    reader = Reader(source)
    rows = sum(name.startswith("badge") for _, name, _ in reader.elements)
    assert rows == MAX_FILES
    assert "Not shown: 507 more files of this group." in reader.text("more")
    assert "Not shown: 70,000 more files." in reader.text("more")
    groups = [values for tag, name, values in reader.elements if tag == "details" and "group" in name]
    assert groups
    assert all("open" not in values for values in groups)
    assert len(source) < 3_000_000


def test_what_came_with_a_directory_is_limited() -> None:
    children = [Change("file", f"/d/{n}", "added", inside="/d") for n in range(MAX_INSIDE + 5)]
    top = Change("file", "/d", "added", (Attribute("type", None, "directory"),), below=MAX_INSIDE + 7)
    text = Reader(page(Difference("a", "b", OLD, NEW, (top, *children), files=FileCounts(108)))).text(
        "inside"
    )
    assert f"/d/{MAX_INSIDE - 1}and 7 more" in text
    assert f"/d/{MAX_INSIDE}" not in text


def test_many_values_are_limited() -> None:
    changes = [
        Change("manifest", f"app.expose[{n}]", "added", (Attribute("value", None, f"{n}"),))
        for n in range(900)
    ]
    changes += [
        Change(
            "file", f"/{n}", "changed", tuple(Attribute(f"x{a}", "v" * 999, "w" * 999) for a in range(501))
        )
        for n in range(20)
    ]
    source = page(Difference("a", "b", OLD, NEW, tuple(changes), files=FileCounts(changed=20)))
    assert source.count("app.expose[") == MAX_ROWS
    assert "and 400 more" in source
    assert "and 1 more" in source
    assert len(source) < MAX_MARKUP + 3_000_000
    assert "more files of this group" in source


def test_long_text_is_cut() -> None:
    change = Change("manifest", "app.args[1]", "changed", (Attribute("value", "x" * 10**6, "y"),))
    source = page(Difference("a", "b", OLD, NEW, (change,)))
    assert len(source) < 40_000
    assert f"… ({10**6 - MAX_TEXT:,} characters more)" in source


def test_the_browser_shows_what_matters() -> None:
    found = visited("rich")
    reader = Reader(found.dom)
    assert reader.text("title") == "olos diff: olos-layout → release/app.olos"
    text = reader.text("main")
    for words in (
        "The base image is another one: its name was moved to a new build.",
        "Pin it in FROM by its digest: FROM debian@sha256:….",
        "policy.memory268435456536870912",
        "kernel/linux: sha256" + OLD.hex + NEW.hex,
        "Dockerfile line 7",
        "pip install --no-cache-dir -r requirements.txt",
        "Base image, layer 1",
        "Made by olos itself",
        "Not known which step wrote them",
        "mode0644→4755",
        "1700000000 (2023-11-14 22:13:20 UTC)→1700000060",
        "directory 0755, with 2 entries below",
        "/app/new/b.txt",
    ):
        assert words in text


def test_the_browser_asks_for_nothing_and_complains_of_nothing() -> None:
    for name in ("rich", "hostile"):
        assert visited(name).asked == ["/page"]
        assert visited(name).console == []


def test_hostile_text_stays_text() -> None:
    reader = Reader(visited("hostile").dom)
    assert [tag for tag, _, _ in reader.elements if tag in ("script", "img")] == ["script"]
    assert not [values for _, _, values in reader.elements if any(name.startswith("on") for name in values)]
    text = reader.text("main")
    assert text.count("<script>alert(1)</script>") >= 10
    assert r"&amp;\x1b[2J\u202egnp\u2028\x80`" in text
    assert not set("\x1b\u202e\u2028") & set(visited("hostile").dom)


def test_the_policy_forbids_what_is_not_ours() -> None:
    intruder = (
        "<script>document.title = 'taken'</script><img src=HERE/image><style>body { color: red }</style>"
    )
    intruder += "<link rel=stylesheet href=HERE/style><iframe src=HERE/frame></iframe><p onclick=x()>"
    found = visit(page(rich()).replace("<main>", f"<main>{intruder}"))
    assert found.asked == ["/page"]
    assert "<title>taken" not in found.dom
    assert len(found.console) >= 5
    assert all("Content Security Policy" in line for line in found.console)


WITHOUT_POLICY = re.compile(r"<meta http-equiv=.*?>")


def scripted(source: str, script: str) -> str:
    """The page with another script behind its own, and without the policy that forbids it."""
    return WITHOUT_POLICY.sub("", source).replace("</body>", f"<script>{script}</script></body>")


FILTER = """
const field = document.querySelector("input");
field.value = " DEBIAN_version ";
field.dispatchEvent(new Event("input"));
"""


def test_filter() -> None:
    dom = visit(scripted(page(rich(100)), FILTER)).dom
    rows = re.findall(r"<li( hidden=\"\")?><div class=\"file\">", dom)
    assert rows.count("") == 1
    assert len(rows) == 107
    shown = [
        group for group in re.findall(r"<details class=\"card group\"[^>]*>", dom) if "hidden" not in group
    ]
    assert shown == ['<details class="card group" open="">']
    assert "1 of 107 shown" in dom


MEASURE = (
    "document.title = document.documentElement.scrollWidth + ' ' + getComputedStyle(document.body).color;"
)


def drawn(difference: Difference, *options: str, width: int = 1400) -> str:
    """How wide the page is, and the colour of its text."""
    found = visit(scripted(page(difference), MEASURE), *options, width=width)
    return Reader(found.dom).text("title")


@pytest.mark.parametrize("width", [500, 1400], ids=["narrow", "wide"])
def test_nothing_is_wider_than_the_window(width: int) -> None:
    attribute = Attribute("xattr user." + "n" * 255, "v" * 512, "u" * 512)
    long = Change("file", "/" + "w" * 4000, "changed", (attribute,))
    base = rich()
    cause = CauseCount(Cause("c" * 300, "t" * 300, "u" * 300), 1)
    long = replace(long, causes=(cause.cause,))
    notes, changes, causes = ("n" * 300,), (*base.changes, long), (*base.causes, cause)
    difference = replace(base, old_name="o" * 300, notes=notes, changes=changes, causes=causes)
    assert drawn(difference, width=width) == f"{width} rgb(28, 29, 31)"


def test_dark_where_the_reader_wants_it_dark() -> None:
    assert drawn(rich(), "--blink-settings=preferredColorScheme=0") == "1400 rgb(230, 231, 233)"
