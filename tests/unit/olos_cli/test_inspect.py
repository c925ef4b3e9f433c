import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from olos.annotations import Step
from olos.digest import Digest
from olos.layout import ANNOTATIONS
from support.cli import Call
from support.measured import ANNOTATED


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


def test_layers_and_what_made_them(call: Call, copy: Path) -> None:
    layers = tuple(Digest.sha256(bytes([number])) for number in range(2))
    steps = (Step("/bin/sh -c #(nop) ADD file:1 in / ", False), Step("/bin/sh -c make", False, 7))
    annotations = replace(ANNOTATED, layers=layers, history=steps, origins=((1, 0), (2000, 1), (3, 2)))
    (copy / ANNOTATIONS).write_bytes(annotations.encode())
    lines = [" ".join(line.split()) for line in call("inspect", copy).stdout.splitlines()]
    start = lines.index("layer sha256 entries line made by")
    assert lines[start + 1 : start + 4] == [
        "- 1 olos",
        f"1 {layers[0].hex[:12]} 2,000 ADD file:1 in /",
        f"2 {layers[1].hex[:12]} 3 7 RUN make",
    ]


def test_hostile_annotations_are_shown_harmlessly(call: Call, copy: Path) -> None:
    hostile = replace(
        ANNOTATED,
        builder="\x1b[2J",
        olos_version="[bold]",
        layers=(Digest.sha256(b""),),
        history=(Step("\u202e\x07" + "x" * 5000, False),),
    )
    (copy / ANNOTATIONS).write_bytes(hostile.encode())
    text = call("inspect", copy).stdout
    assert all(line.isprintable() and len(line) <= 80 for line in text.splitlines()[1:])
    assert all(part in text for part in (r"\x1b[2J", r"\u202e\x07", "[bold]"))


@pytest.mark.parametrize(
    "data",
    [b"{", b'{"b":1,"a":1}', b"\xff", b"[" * 100_000, b"[]", b'{"schema":"olos-annotations/2"}'],
    ids=["cut", "order", "not-utf-8", "deep", "list", "schema"],
)
def test_wrong_annotations(call: Call, copy: Path, data: bytes) -> None:
    (copy / ANNOTATIONS).write_bytes(data)
    assert re.search(r"annotations\.json(: |\.schema: )", call("inspect", copy, expect=3).stderr)
