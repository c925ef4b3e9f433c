"""`olos diff` and `olos tree`: what is shown, and how a call ends."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from measure.diff.model import Attribute, Change, Difference, Origin
from measure.regions import measurement
from measure.saved_tree import load
from olos.digest import Digest
from olos.layout import MANIFEST, open_directory
from olos.manifest import App, Manifest, User
from olos.progress import SILENT
from olos_cli.diff_report import as_json, as_text
from olos_cli.diff_words import origin_title
from support.cli import Call
from support.manifests import manifest_of
from support.measured import measured_layout
from support.sides import annotated, compared, side_of
from support.trees import Store, directory, symlink, tree_of


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout of another tree."""
    folder = tmp_path_factory.mktemp("other")
    store = Store(folder / "store")
    return measured_layout(folder / "other", tree_of({b"etc/machine-id": store.regular(b"1")}))


def with_manifest(layout: Path, folder: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The manifest of a layout with something changed, in a file of its own."""
    manifest = change(open_directory(layout).manifest())
    (folder / MANIFEST).write_bytes(manifest.encode())
    return folder / MANIFEST


def test_equal(call: Call, layout: Path, package: Path) -> None:
    value = measurement(open_directory(layout).manifest()).hex
    outcome = call("diff", layout, package)
    assert outcome.stdout == f"equal  {value}\n       {layout}\n       {package}\n"
    assert outcome.stderr == ""
    report = json.loads(call("diff", layout, package, "--format", "json").stdout)
    assert report["schema"] == "olos-diff/1"
    assert report["equal"] is True
    assert report["changes"] == []
    assert report["old"] == {"measurement": value, "name": str(layout)}


def test_different(call: Call, layout: Path, other: Path) -> None:
    outcome = call("diff", layout, other, expect=5)
    assert outcome.stderr == ""
    lines = outcome.stdout.splitlines()
    assert lines[0] == f"old  {measurement(open_directory(layout).manifest()).hex}"
    assert lines[1] == f"     {layout}"
    assert "  ~ rootfs.img  both roots, which follow from the files below" in lines
    assert "  + /etc  directory 0755, with 1 entry below" in lines
    report = json.loads(call("diff", layout, other, "--format", "json", expect=5).stdout)
    assert report["equal"] is False
    subjects = {change["subject"]: change for change in report["changes"]}
    assert subjects["/etc/machine-id"]["inside"] == "/etc"
    assert subjects["/etc/machine-id"]["causes"] == ["machine-id"]
    assert report["files"]["added"] == 2
    assert report["files"]["removed"] == open_directory(layout).manifest().rootfs.entries - 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_limit(call: Call, layout: Path, other: Path, form: str) -> None:
    shown = call("diff", layout, other, "--limit", "3", "--format", form, expect=5).stdout
    if form == "text":
        assert sum(line.startswith(("  + /", "  - /", "  ~ /")) for line in shown.splitlines()) == 3
        assert " others: --limit shows more, --format json all" in shown
        return
    report = json.loads(shown)
    files = [change for change in report["changes"] if change["kind"] == "file"]
    counts = report["files"]
    assert counts["left_out"] == counts["added"] + counts["removed"] + counts["changed"] - len(files)
    assert counts["left_out"] > 1000


def test_the_debug_twin_in_one_line(call: Call, layout: Path, tmp_path: Path) -> None:
    twin = with_manifest(
        layout, tmp_path, lambda m: dataclasses.replace(m, policy=dataclasses.replace(m.policy, debug=True))
    )
    expected = f"{twin} is the debug twin of {layout}: nothing but policy.debug differs\n"
    for pair in ((layout, twin), (twin, layout)):
        assert call("diff", *pair, expect=5).stdout == expected
        report = json.loads(call("diff", *pair, "--format", "json", expect=5).stdout)
        assert report["debug_twin"] is True
        assert [change["subject"] for change in report["changes"]] == ["policy.debug"]


def test_manifests_alone(call: Call, layout: Path, tmp_path: Path) -> None:
    changed = with_manifest(
        layout,
        tmp_path,
        lambda m: dataclasses.replace(m, app=dataclasses.replace(m.app, env=("PATH=/usr/bin",))),
    )
    text = call("diff", layout / MANIFEST, changed, expect=5).stdout
    assert '  ~ app.env[PATH]  "/bin" → "/usr/bin"\n' in text
    assert "note" not in text


def test_a_page(call: Call, layout: Path, other: Path, tmp_path: Path) -> None:
    call("diff", layout, other, "--html", tmp_path / "report.html", expect=5)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "machine-id" in page
    call("diff", layout, layout, "--html", tmp_path / "equal.html")
    assert (tmp_path / "equal.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["none", "none"], 3, "error: none: cannot be read", id="missing"),
        pytest.param(["/dev/null", "/dev/null"], 3, "neither a directory nor a regular file", id="device"),
        pytest.param(["."], 2, "Missing argument 'NEW'", id="one-argument"),
        pytest.param([".", ".", "--limit", "-1"], 2, "--limit", id="limit"),
    ],
)
def test_wrong_calls(call: Call, arguments: list[str], code: int, says: str) -> None:
    outcome = call("diff", *arguments, expect=code)
    assert says in outcome.stderr
    assert outcome.out == b""


def test_a_layout_that_is_not_what_it_says(call: Call, layout: Path, other: Path, tmp_path: Path) -> None:
    call("unpack", other, tmp_path / "copy")
    (tmp_path / "copy" / "kernel" / "linux").write_bytes(b"another")
    outcome = call("diff", layout, tmp_path / "copy", expect=5)
    assert outcome.out == b""
    assert "kernel/linux: size does not match" in outcome.stderr


@pytest.mark.parametrize("target", ["stdout", "file"])
def test_a_saved_tree(call: Call, layout: Path, package: Path, tmp_path: Path, target: str) -> None:
    file = tmp_path / "tree"
    if target == "stdout":
        file.write_bytes(call("tree", layout).out)
    else:
        assert call("tree", package, "-o", file).out == b""
    load(file).check(SILENT)
    assert call("diff", file, layout).stdout.startswith("equal  ")
    assert file.read_bytes() == call("tree", package).out


def test_a_saved_tree_that_lies(call: Call, layout: Path, tmp_path: Path) -> None:
    data = call("tree", layout).out.replace(b'"mtime":1700000000', b'"mtime":1700000001')
    (tmp_path / "lie").write_bytes(data)
    outcome = call("diff", tmp_path / "lie", layout, expect=5)
    assert outcome.out == b""
    assert "tree root does not match" in outcome.stderr
    assert "save it again" in outcome.stderr


def test_what_is_refused_leaves_the_old_file(call: Call, layout: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").write_bytes(b"old")
    call("unpack", layout, tmp_path / "copy")
    (tmp_path / "copy" / "rootfs.img").write_bytes(b"x" * 8192)
    call("tree", tmp_path / "copy", "-o", tmp_path / "tree", expect=5)
    assert (tmp_path / "tree").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "tree"]


def hostile_difference(tmp_path: Path) -> Difference:
    """With names and values that would draw on a terminal."""
    store = Store(tmp_path / "store")
    evil = b"\x1b[2J\n\xe2\x80\xae[bold]\xff\\"
    old = {evil: store.regular(b"a\x1b[31m\n"), b"l": symlink(evil), b"x": store.regular(b"1")}
    new = {evil: store.regular(b"b\x1b[31m\n"), b"l": symlink(b"x"), b"gone/" + evil: directory()}
    text = evil.decode("utf-8", "replace")
    app = App(("/bin/app", text), ("A=" + text,), "/", User(0, 0), "olos", 15)
    manifests = (manifest_of(), dataclasses.replace(manifest_of(), app=app))
    sides = [
        side_of(tree_of(names), text, manifest=manifest)
        for names, manifest in zip((old, new), manifests, strict=True)
    ]
    return compared(sides)


def test_hostile_strings_are_shown_harmlessly(tmp_path: Path) -> None:
    difference = hostile_difference(tmp_path)
    for line in as_text(difference):
        assert line.isprintable(), line
    report = json.loads(as_json(difference))
    assert report["old"]["name"] == difference.old_name


def wide_difference() -> Difference:
    """With everything long."""
    old, new = Digest.sha256(b"1"), Digest.sha256(b"2")
    origin = Origin(2, 7, "RUN" + " apt-get install" * 20, False)
    attributes = (Attribute("mode", "0644", "0755"), Attribute("line 12", "x" * 300 + "a", "x" * 300 + "b"))
    changes = [
        Change("file", "/" + "long/" * 30, "changed", attributes, new_origin=origin),
        Change("file", "/x", "added", (Attribute("type", None, "file"), Attribute("size", None, "12345678"))),
        Change("manifest", "app.args[1]", "changed", (Attribute("value", '"' + "a" * 200, '"' + "a" * 199),)),
        Change("component", "kernel/linux", "changed", (Attribute("sha256", old.hex, new.hex),)),
    ]
    return Difference("old", "new", old, new, tuple(changes), notes=("word " * 40,))


def test_lines_fit_into_a_terminal() -> None:
    lines = list(as_text(wide_difference()))
    long = [line for line in lines if len(line) > 80]
    assert long == [f"  ~ /{'long/' * 30}"]  # a path is never cut
    text = "\n".join(lines)
    assert f"      sha256  {Digest.sha256(b'1').hex}\n           →  {Digest.sha256(b'2').hex}" in text
    assert "  Dockerfile line 7: RUN apt-get install " in text
    (old,) = (line for line in lines if line.lstrip().startswith("line 12"))
    assert old.endswith("a")


@pytest.mark.parametrize(
    ("origin", "title"),
    [
        (Origin(0, None, None, False), "olos itself"),
        (Origin(1, None, None, True), "base image, layer 1"),
        (Origin(1, None, "ADD file:x in /", True), "base image, layer 1: ADD file:x in /"),
        (Origin(3, None, "COPY a b", False), "layer 3: COPY a b"),
        (Origin(3, 9, "RUN echo \x1b", False), r"Dockerfile line 9: RUN echo \x1b"),
    ],
)
def test_origins(origin: Origin, title: str) -> None:
    assert origin_title(origin) == title


def test_files_are_grouped_by_the_line_that_wrote_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sides = [
        side_of(tree_of({b"a": store.regular(data), b"b": store.regular(data)}), annotations=annotated(3))
        for data in (b"1", b"2")
    ]
    lines = list(as_text(compared(sides)))
    start = lines.index("  Dockerfile line 4: RUN make")
    assert lines[start + 1 : start + 5] == [
        "  ~ /a",
        "      line 1  1 → 2",
        "  base image, layer 1: ADD file in /",
        "  ~ /b",
    ]


def test_rare_causes_are_shown_before_many_of_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sides = [
        side_of(
            tree_of(
                {
                    **{b"%03d/x" % i: store.regular(b"", mtime=build) for i in range(50)},
                    b"etc/machine-id": store.regular(b"%d" % build),
                    b"zzz": store.regular(b"%d" % build),
                }
            )
        )
        for build in (1, 2)
    ]
    text = "\n".join(as_text(compared(sides), 5))
    assert "/etc/machine-id" in text
    assert "/zzz" in text
    assert "… and 47 others" in text
    assert "files: 52 changed; 1 without a known cause" in text


def test_many_files_that_are_alike_are_one_line(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sides = [
        side_of(
            tree_of(
                {
                    **{b"a/%03d" % i: store.regular(b"", mtime=build) for i in range(50)},
                    **{b"b/%d" % i: store.regular(b"", mtime=build) for i in range(3)},
                    **{b"c/%d" % i: store.regular(b"%d" % build) for i in range(5)},
                    **(
                        {b"d/__pycache__/%d.pyc" % i: store.regular(b"") for i in range(5)}
                        if build == 2
                        else {}
                    ),
                    b"d/__pycache__/x.py": store.regular(b""),
                }
            )
        )
        for build in (1, 2)
    ]
    lines = list(as_text(compared(sides)))
    files = lines[lines.index("files: 5 added, 58 changed; 5 without a known cause") + 1 :]
    assert files[0] == "  ~ /a/  50 files  [mtime-not-clamped]"
    assert files[1] == "  ~ /b/0  mtime 1970-01-01 00:00:01 → 1970-01-01 00:00:02  [mtime-not-clamped]"
    assert [line for line in files if line.startswith("  ~ /c/")] == [f"  ~ /c/{i}" for i in range(5)]
    assert files[-1] == "  + /d/__pycache__/  5 files  [pycache-on-one-side]"
