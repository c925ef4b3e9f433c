"""`olos measure --write`, `--check` and `--sgxs`."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from measure import reference
from measure.mrenclave import Page, Permissions, mrenclave
from measure.regions import measurement
from olos.layout import open_directory
from support.cli import Call
from support.olos import ROOT
from support.sgxs import stream_of


@pytest.fixture
def file(call: Call, layout: Path, tmp_path: Path) -> Path:
    """The reference of the layout."""
    path = tmp_path / "olos.reference.json"
    call("measure", layout, "--write", path)
    return path


def other_reference(file: Path, inputs: dict[str, str] | None = None) -> None:
    """Change the reference to one of another app, and maybe of other inputs."""
    old = reference.load(file)
    manifest = replace(old.manifest, app=replace(old.manifest.app, hostname="other"))
    known = {item.name: item.value for item in old.inputs} | (inputs or {})
    items = tuple(reference.Input(*pair) for pair in known.items())
    file.write_bytes(reference.Reference(measurement(manifest), manifest, items).encode())


def test_write_prints_the_value_and_what_it_did(call: Call, layout: Path, tmp_path: Path) -> None:
    value = call("measure", layout).stdout
    first = call("-v", "measure", layout, "--write", tmp_path / "r")
    assert first.stdout == value
    assert f"wrote {tmp_path / 'r'}\n" in first.stderr
    assert call("measure", layout, "--write", tmp_path / "r").stderr == ""
    written = reference.load(tmp_path / "r")
    assert written.measurement.hex + "\n" == value
    assert written.manifest == open_directory(layout).manifest()


def test_what_says_the_same_is_left_alone(call: Call, layout: Path, file: Path) -> None:
    os.utime(file, (1, 1))
    assert "says so already" in call("-v", "measure", layout, "--write", file).stderr
    assert file.stat().st_mtime == 1


def test_write_says_that_the_value_moved(call: Call, layout: Path, file: Path) -> None:
    before = file.read_bytes()
    other_reference(file)
    old = reference.load(file).measurement.hex
    outcome = call("-v", "measure", layout, "--write", file)
    assert f"the measurement was {old}" in outcome.stderr.replace("\n", " ")
    assert file.read_bytes() == before


@pytest.mark.parametrize("junk", [b"", b"<<<<<<<\n", b"{}"], ids=["empty", "conflict", "object"])
def test_write_replaces_what_is_broken(call: Call, layout: Path, file: Path, junk: bytes) -> None:
    before = file.read_bytes()
    file.write_bytes(junk)
    call("measure", layout, "--check", file, expect=3)
    call("measure", layout, "--write", file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("form", ["layout", "package"])
def test_check_of_the_same(call: Call, layout: Path, package: Path, file: Path, form: str) -> None:
    outcome = call("measure", layout if form == "layout" else package, "--check", file)
    assert outcome.stdout == call("measure", layout).stdout
    assert outcome.stderr == ""


def test_check_of_another(call: Call, layout: Path, file: Path) -> None:
    other_reference(file)
    outcome = call("measure", layout, "--check", file, expect=5)
    assert outcome.stdout == call("diff", file, layout, expect=5).stdout
    assert "app.hostname" in outcome.stdout
    assert outcome.stderr.startswith(f"error: {layout}: is not what {file} expects")
    assert f"--write {file}" in outcome.stderr.replace("\n", " ")
    report = json.loads(call("measure", layout, "--check", file, "--format", "json", expect=5).stdout)
    assert report == json.loads(call("diff", file, layout, "--format", "json", expect=5).stdout)


def test_inputs_explain(call: Call, layout: Path, file: Path) -> None:
    digest = f"sha256:{'1' * 64}"
    other_reference(file, {"base layer 1": digest, "source_date_epoch": "5", "olos version": "0.0.1"})
    outcome = call("measure", layout, "--check", file, expect=5)
    assert "base-image-moved" in outcome.stdout
    assert "source-date-epoch-differs" in outcome.stdout
    assert digest[:40] in outcome.stdout
    assert "0.0.1" in outcome.stdout
    report = json.loads(call("measure", layout, "--check", file, "--format", "json", expect=5).stdout)
    assert {"base layer 1", "source_date_epoch", "olos version"} <= {
        change["subject"] for change in report["changes"]
    }
    assert {"base-image-moved", "source-date-epoch-differs"} <= {each["name"] for each in report["causes"]}


def test_other_inputs_of_the_same_value(call: Call, layout: Path, file: Path) -> None:
    """The manifest decides."""
    old = reference.load(file)
    file.write_bytes(replace(old, inputs=(reference.Input("olos version", "0.0.1"),)).encode())
    assert call("measure", layout, "--check", file).stdout == old.measurement.hex + "\n"
    assert "same measurement, other inputs" in call("-v", "measure", layout, "--write", file).stderr


def test_a_debug_twin_is_told_in_one_line(call: Call, layout: Path, file: Path) -> None:
    old = reference.load(file)
    manifest = replace(old.manifest, policy=replace(old.manifest.policy, debug=True))
    file.write_bytes(reference.Reference(measurement(manifest), manifest).encode())
    text = call("measure", layout, "--check", file, expect=5).stdout
    assert text == f"{file} is the debug twin of {layout}: nothing but policy.debug differs\n"


def test_check_in_json_of_the_same(call: Call, layout: Path, file: Path) -> None:
    report = call("measure", layout, "--check", file, "--format", "json").stdout
    assert report == call("measure", layout, "--format", "json").stdout


def test_a_changed_component_is_no_difference_but_an_error(
    call: Call, layout: Path, file: Path, tmp_path: Path
) -> None:
    call("unpack", layout, tmp_path / "copy")
    with (tmp_path / "copy" / "kernel" / "linux").open("r+b") as stream:
        stream.write(b"!")
    before = file.read_bytes()
    for option in ("--check", "--write"):
        outcome = call("measure", tmp_path / "copy", option, file, expect=5)
        assert outcome.out == b""
        assert "kernel/linux: sha256 does not match" in outcome.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "pair"),
    [
        (["--write", "a", "--check", "b"], "--check and --write"),
        (["--explain", "--check", "b"], "--check and --explain"),
        (["--sgxs", "a", "--check", "b"], "--sgxs and --check"),
        (["--sgxs", "a", "--write", "b"], "--sgxs and --write"),
        (["--sgxs", "a", "--explain"], "--sgxs and --explain"),
        (["--sgxs", "a", "path"], "--sgxs and PATH"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_together(call: Call, args: list[str], pair: str) -> None:
    assert f"{pair} cannot be used together" in call("measure", *args, expect=2).stderr


def test_a_missing_reference_is_found_before_measuring(call: Call, tmp_path: Path) -> None:
    outcome = call("measure", "/nowhere", "--check", tmp_path / "none", expect=3)
    assert f"{tmp_path / 'none'}: cannot be read" in outcome.stderr


PAGES = [Page(i * 4096, bytes([i]) * 4096, Permissions.R) for i in range(5)]
VALUE = mrenclave(PAGES, size=8 * 4096, ssa_frame_size=3).hex


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "enclave.sgxs"
    path.write_bytes(stream_of(PAGES, 8 * 4096, 3))
    return path


def test_sgxs(call: Call, stream: Path) -> None:
    assert call("measure", "--sgxs", stream).stdout == VALUE + "\n"
    assert json.loads(call("measure", "--sgxs", stream, "--format", "json").stdout) == {
        "enclave_size": 32768,
        "measurement": VALUE,
        "pages": 5,
        "path": str(stream),
        "schema": "olos-sgxs-report/1",
        "ssa_frame_size": 3,
        "stream_size": stream.stat().st_size,
    }


def test_sgxs_from_standard_input(stream: Path) -> None:
    with stream.open("rb") as source:
        result = subprocess.run(
            [sys.executable, "-m", "olos_cli", "measure", "--sgxs", "-"],
            cwd=ROOT,
            stdin=source,
            capture_output=True,
            check=True,
        )
    assert result.stdout.decode() == VALUE + "\n"
    assert result.stderr == b""


def test_sgxs_that_is_none(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read: No such file" in call("measure", "--sgxs", tmp_path / "x", expect=3).stderr
    assert "cannot be read: Is a directory" in call("measure", "--sgxs", tmp_path, expect=3).stderr
    (tmp_path / "x").write_bytes(b"ECREATE\0")
    text = call("measure", "--sgxs", tmp_path / "x", expect=3).stderr
    assert f"error: {tmp_path / 'x'}: not SGXS: at byte 0: the stream ends here" in text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"junk")))
    assert "standard input: not SGXS" in call("measure", "--sgxs", "-", expect=3).stderr
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input: is closed" in call("measure", "--sgxs", "-", expect=3).stderr
