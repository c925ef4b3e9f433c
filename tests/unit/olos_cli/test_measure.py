import json
from pathlib import Path

import pytest

from measure.regions import measurement, regions
from olos.layout import open_directory
from olos.manifest import MEBIBYTE, SECTIONS, App, Manifest, Mount, Policy, User
from olos_cli.measure_report import Report, as_text
from support.cli import Call
from support.manifests import manifest_of


@pytest.fixture(scope="module")
def manifest(layout: Path) -> Manifest:
    return open_directory(layout).manifest()


@pytest.mark.parametrize("form", ["layout", "package"])
def test_prints_the_value_and_nothing_else(
    call: Call, form: str, layout: Path, manifest: Manifest, package: Path
) -> None:
    outcome = call("measure", layout if form == "layout" else package)
    assert outcome.stdout == measurement(manifest).hex + "\n"
    assert outcome.stderr == ""


def test_finds_the_layout_here(
    call: Call, monkeypatch: pytest.MonkeyPatch, layout: Path, manifest: Manifest
) -> None:
    monkeypatch.chdir(layout.parent)
    assert call("measure").stdout == measurement(manifest).hex + "\n"
    assert call("inspect").stdout.startswith("layout olos-layout, ")


@pytest.mark.parametrize("command", ["measure", "inspect", "pack"])
def test_no_layout_here(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = call(command, *(["-o", "x"] if command == "pack" else []), expect=3)
    assert outcome.stderr.startswith("error: olos-layout: there is no layout")
    assert "hint: run 'olos build' first" in outcome.stderr


def test_json_holds_everything(call: Call, layout: Path, manifest: Manifest) -> None:
    report = json.loads(call("measure", layout, "--format", "json").stdout)
    assert report["schema"] == "olos-measure-report/1"
    assert report["kind"] == "layout"
    assert report["path"] == str(layout)
    assert report["measurement"] == measurement(manifest).hex
    assert report["manifest"] == json.loads(manifest.encode())
    assert [region["name"] for region in report["regions"]] == list(SECTIONS)
    for region, expected in zip(report["regions"], regions(manifest), strict=True):
        assert region["offset"] == expected.offset
        assert region["pages"] * 4096 == expected.size
        assert region["bytes"] == len(expected.data)


def test_explain_shows_every_digest(call: Call, layout: Path, manifest: Manifest) -> None:
    text = call("measure", layout, "--explain").stdout
    lines = text.splitlines()
    assert lines[0] == f"measurement  {measurement(manifest).hex}"
    for record in (*manifest.kernel, *manifest.crt):
        assert f"  {record.path}  {record.size:,} bytes\n    sha256 {record.sha256.hex}\n" in text
    assert f"    verity {manifest.rootfs.verity_root.hex}\n" in text
    assert f"    tree   {manifest.rootfs.tree_root.hex}\n" in text
    for region in regions(manifest):
        assert f"\n{region.name}  1 page " in text
    assert max(map(len, lines[2:])) <= 80


def test_explain_shows_hostile_strings_harmlessly() -> None:
    manifest = Manifest(
        **{
            **vars(manifest_of()),
            "app": App(
                ("/bin/app", 'a "b"\\', "\x1b[2J\n\u202e", ""),
                ("X=[bold]\r\n", "Y=1"),
                "/a\x1bb",
                User(1, 2, (3, 4)),
                "host",
                34,
                ("80/tcp",),
            ),
            "policy": Policy(memory=64 * MEBIBYTE, mounts=(Mount("/t\nx", "tmpfs", True, 4096),)),
        }
    )
    report = Report("a\x1b\nb", "layout", measurement(manifest), manifest, regions(manifest))
    lines = list(as_text(report))
    assert all(line.isprintable() for line in lines)
    text = "\n".join(lines)
    assert r"of layout a\x1b\nb, format" in text
    assert r'"a \"b\"\\"' in text
    assert r'"\u001b[2J\n\u202e"' in text
    assert '\n               ""\n' in text
    assert r'"X=[bold]\r\n"' in text
    assert "user         1:2, groups 3 4" in text
    assert "stop signal  34" in text
    assert r"/t\nx  tmpfs, read-only, at most 4 KiB" in text
    assert "memory       64 MiB" in text


def test_a_changed_component_is_named(call: Call, layout: Path, tmp_path: Path) -> None:
    call("unpack", layout, tmp_path / "copy")
    with (tmp_path / "copy" / "kernel" / "linux").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"!")
    for command in ("measure", "verify", "pack"):
        options = ["-o", tmp_path / "new"] if command == "pack" else []
        outcome = call(command, tmp_path / "copy", *options, expect=5)
        assert outcome.out == b""
        assert "kernel/linux: sha256 does not match\n  expected " in outcome.stderr
    assert not (tmp_path / "new").exists()


def test_pack_and_unpack_keep_the_value(call: Call, layout: Path, manifest: Manifest, tmp_path: Path) -> None:
    value = measurement(manifest).hex + "\n"
    assert call("pack", layout, "-o", tmp_path / "app.olos").stdout == value
    assert call("unpack", tmp_path / "app.olos", tmp_path / "again").out == b""
    for path in (tmp_path / "app.olos", tmp_path / "again"):
        assert call("measure", path).stdout == value
        assert call("verify", path).stdout.startswith(value)
        assert call("verify", path, "--measurement", value.strip().upper()).stdout.startswith(value)


def test_verify_refuses_another_value(call: Call, layout: Path, manifest: Manifest) -> None:
    outcome = call("verify", layout, "--measurement", "0" * 64, expect=5)
    assert outcome.out == b""
    assert f"  expected {'0' * 64}\n  actual   {measurement(manifest).hex}\n" in outcome.stderr


def test_verify_refuses_bytes_behind_a_package(call: Call, package: Path, tmp_path: Path) -> None:
    (tmp_path / "app.olos").write_bytes(package.read_bytes() + b"!")
    call("measure", tmp_path / "app.olos")
    assert "trailing bytes" in call("verify", tmp_path / "app.olos", expect=5).stderr
