import json
from pathlib import Path

import pytest

from olos.canonical import encode
from olos.layout import ANNOTATIONS
from support.cli import Call


@pytest.fixture
def copy(call: Call, layout: Path, tmp_path: Path) -> Path:
    call("unpack", layout, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("form", ["layout", "package"])
def test_json(call: Call, form: str, layout: Path, package: Path) -> None:
    path = layout if form == "layout" else package
    report = json.loads(call("inspect", path, "--format", "json").stdout)
    assert report["schema"] == "olos-inspect-report/1"
    assert report["kind"] == form
    assert report["manifest"] == json.loads((layout / "olos.json").read_bytes())
    assert report["annotations"] == json.loads((layout / ANNOTATIONS).read_bytes())
    files = {file["name"]: file for file in report["files"]}
    assert files["kernel/linux"]["size"] == (layout / "kernel" / "linux").stat().st_size
    if form == "package":
        assert report["size"] == package.stat().st_size
        start = files["kernel/linux"]["offset"]
        assert package.read_bytes()[start:].startswith((layout / "kernel" / "linux").read_bytes())
    else:
        assert report["size"] == sum(file["size"] for file in report["files"])


def test_text(call: Call, package: Path) -> None:
    text = call("inspect", package).stdout
    assert text.startswith(f"package {package}, ")
    assert "  kernel/linux " in text
    assert '  args         "/bin/app"\n               "--flag"\n' in text
    assert "  host args    deny\n" in text
    assert text.endswith("All of this is as stored: 'olos measure' recomputes it.\n")
    assert max(map(len, text.splitlines()[1:])) <= 80


def test_without_annotations(call: Call, copy: Path) -> None:
    (copy / ANNOTATIONS).unlink()
    assert "annotations (not measured)" not in call("inspect", copy).stdout
    assert json.loads(call("inspect", copy, "--format", "json").stdout)["annotations"] is None


def test_hostile_annotations_are_shown_harmlessly(call: Call, copy: Path) -> None:
    (copy / ANNOTATIONS).write_bytes(encode({"\x1b[2J": ["\u202e", "x" * 5000, "[bold]"], "a": {"b": None}}))
    text = call("inspect", copy).stdout
    assert all(line.isprintable() and len(line) <= 210 for line in text.splitlines())
    assert r"\u001b[2J" in text
    assert r"\u202e" in text


@pytest.mark.parametrize(
    "data",
    [b"{", b'{"b":1,"a":1}', b"\xff", b"[" * 100_000, b"[]"],
    ids=["cut", "order", "not-utf-8", "deep", "list"],
)
def test_wrong_annotations(call: Call, copy: Path, data: bytes) -> None:
    (copy / ANNOTATIONS).write_bytes(data)
    assert "annotations.json: " in call("inspect", copy, expect=3).stderr
