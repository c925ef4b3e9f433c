"""`olos prove` and `olos check-proof`."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from measure.regions import measurement
from olos.layout import MANIFEST, open_directory
from olos.manifest import Mount, Policy
from support.cli import Call


@pytest.fixture(scope="module")
def value(layout: Path) -> str:
    return measurement(open_directory(layout).manifest()).hex


def proven(call: Call, layout: Path, folder: Path, *args: str) -> Path:
    """Write a proof."""
    assert call("prove", layout, *args, "-o", folder / "proof.json").out == b""
    return folder / "proof.json"


def test_a_file_and_a_copy_of_it(call: Call, layout: Path, value: str, tmp_path: Path) -> None:
    proof = proven(call, layout, tmp_path, "/setuid")
    (tmp_path / "copy").write_bytes(call("cat", layout, "/setuid").out)
    outcome = call("check-proof", proof, "--measurement", value.upper(), "--file", tmp_path / "copy")
    lines = outcome.stdout.splitlines()
    assert outcome.stderr == ""
    assert lines[0] == "proven       /setuid exists"
    assert lines[1] == f"measurement  {value}"
    assert lines[2:7] == [
        "type         regular file",
        "mode         6755",
        "owner        0:0",
        "time         2023-11-14 22:13 UTC (1700000000)",
        "size         1 bytes",
    ]
    assert lines[7].startswith("fs-verity    ")
    assert lines[8] == f"copy         {tmp_path}/copy has this content"
    assert max(map(len, lines[:8])) <= 80


def test_layout_and_package_and_standard_output_give_the_same(
    call: Call, layout: Path, package: Path, tmp_path: Path
) -> None:
    data = proven(call, layout, tmp_path, "/a/x").read_bytes()
    assert call("prove", package, "/a/x").out == data
    assert call("prove", layout, "/a/x").out == data


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/", "type         directory"),
        ("/link", "target       a/x"),
        ("/dev/big", "device       4095,1048575"),
        ("/hard/two", "hard link    of the group of /also"),
        ("/fifo", "type         fifo"),
        ("/owned", "owner        4294967294:65534"),
        ("/caps", "xattr        security.capability: 0100000200040000000000000000000000000000"),
        ("/xattrs", "xattr        user.large: 4,000 bytes"),
        ("/odd/new\nline", r"proven       /odd/new\nline exists"),
        (os.fsdecode(b"/odd/\xff\xfe\x80"), r"proven       /odd/\xff\xfe\x80 exists"),
    ],
    ids=["root", "symlink", "device", "hard-link", "fifo", "owner", "caps", "xattrs", "newline", "bytes"],
)
def test_says_what_a_path_is(
    call: Call, layout: Path, value: str, tmp_path: Path, path: str, shows: str
) -> None:
    proof = proven(call, layout, tmp_path, path)
    assert shows in call("check-proof", proof, "--measurement", value).stdout.splitlines()


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/a/y/z", ["missing      /a/y", "behind       /a/x", "before       /a0"]),
        ("/a1", ["behind       /a0", "before       /acl"]),
        ("/zz", ["behind       /xattrs", "before       nothing: it is the last"]),
    ],
    ids=["deep", "middle", "last"],
)
def test_says_what_is_absent(
    call: Call, layout: Path, value: str, tmp_path: Path, path: str, shows: list[str]
) -> None:
    proof = proven(call, layout, tmp_path, "--absent", path)
    lines = call("check-proof", proof, "--measurement", value).stdout.splitlines()
    assert lines == [f"proven       {path} does not exist", f"measurement  {value}", *shows]


def test_json(call: Call, layout: Path, value: str, tmp_path: Path) -> None:
    proof = proven(call, layout, tmp_path, "/hard/two")
    report = json.loads(call("check-proof", proof, "--measurement", value, "--format", "json").stdout)
    assert report.pop("entry").pop("fsverity_sha256")
    assert report == {
        "claim": "present",
        "copy": None,
        "covered_by": None,
        "entries": open_directory(layout).manifest().rootfs.entries,
        "measurement": value,
        "path": "/hard/two",
        "schema": "olos-proof-report/1",
    }
    proof = proven(call, layout, tmp_path, "--absent", "/zz/a")
    report = json.loads(call("check-proof", proof, "--measurement", value, "--format", "json").stdout)
    assert [report[key] for key in ("claim", "after", "before", "missing")] == [
        "absent",
        "/xattrs",
        None,
        "/zz",
    ]


def test_a_mount_that_hides_a_file_is_named(call: Call, layout: Path, tmp_path: Path) -> None:
    """On a layout whose policy has one; its root file system is the same."""
    call("unpack", layout, tmp_path / "copy")
    manifest = open_directory(layout).manifest()
    policy = Policy(mounts=(Mount("/a", "tmpfs", False, 4096),))
    changed = dataclasses.replace(manifest, policy=policy)
    (tmp_path / "copy" / MANIFEST).write_bytes(changed.encode())
    for path, hidden in (("/a/x", True), ("/a", True), ("/a-b/x", False)):
        proof = proven(call, tmp_path / "copy", tmp_path, path)
        text = call("check-proof", proof, "--measurement", measurement(changed).hex).stdout
        assert ("note         the app sees the mount on /a instead\n" in text) == hidden


@pytest.mark.parametrize(
    ("args", "code", "says", "hint"),
    [
        (["/nowhere"], 3, "/nowhere: there is no such file", "with --absent, its absence is proven"),
        (["--absent", "/a"], 3, "/a: exists", "without --absent, its presence is proven"),
        (["/link/x"], 3, "/link/x: /link is a symlink to a/x", "symlinks are not followed; try /a/x/x"),
        (["/a/../b"], 2, "'/a/../b' is not an absolute path in normal form", "write /b"),
        (["a"], 2, "'a' is not an absolute path in normal form", "write /a"),
        (["/a/"], 2, "'/a/' is not an absolute path in normal form", "write /a"),
        ([], 2, "Missing argument 'FILE'", "see 'olos prove --help'"),
    ],
    ids=["missing", "there", "symlink", "dots", "relative", "slash", "none"],
)
def test_what_cannot_be_proven(
    call: Call, layout: Path, args: list[str], code: int, says: str, hint: str
) -> None:
    outcome = call("prove", layout, *args, expect=code)
    assert outcome.out == b""
    assert outcome.stderr.splitlines()[0].startswith(f"error: {says}")
    assert outcome.stderr.endswith(f"hint: {hint}\n")


def test_a_layout_that_is_not_what_its_manifest_says(call: Call, layout: Path, tmp_path: Path) -> None:
    call("unpack", layout, tmp_path / "copy")
    with (tmp_path / "copy" / "kernel" / "linux").open("r+b") as stream:
        stream.write(b"!")
    outcome = call("prove", tmp_path / "copy", "/a/x", "-o", tmp_path / "proof.json", expect=5)
    assert "kernel/linux: sha256 does not match" in outcome.stderr
    assert not (tmp_path / "proof.json").exists()


def test_checks_that_fail(call: Call, layout: Path, value: str, tmp_path: Path) -> None:
    proof = proven(call, layout, tmp_path, "/a/x")
    outcome = call("check-proof", proof, "--measurement", "0" * 64, expect=5)
    assert outcome.out == b""
    assert f"  expected {'0' * 64}\n  actual   {value}\n" in outcome.stderr
    (tmp_path / "copy").write_bytes(b"in b")
    outcome = call("check-proof", proof, "--measurement", value, "--file", tmp_path / "copy", expect=5)
    assert outcome.out == b""
    assert "copy: fs-verity digest does not match\n  expected " in outcome.stderr
    proof.write_bytes(proof.read_bytes().replace(b'"/a/x"', b'"/a/y"'))
    outcome = call("check-proof", proof, "--measurement", value, expect=5)
    assert "  expected '/a/y'\n  actual   '/a/x'\n" in outcome.stderr
    proof.write_bytes(proof.read_bytes() + b"\n")
    assert "not in canonical form" in call("check-proof", proof, "--measurement", value, expect=3).stderr


@pytest.mark.parametrize("name", ["nowhere", ".", "/dev/zero"])
def test_no_proof(call: Call, value: str, name: str) -> None:
    outcome = call("check-proof", name, "--measurement", value, expect=3)
    assert outcome.out == b""
    assert outcome.stderr.startswith(f"error: {name}: ")


@pytest.mark.parametrize("name", ["nowhere", ".", "/dev/zero"])
def test_no_copy(call: Call, layout: Path, value: str, tmp_path: Path, name: str) -> None:
    proof = proven(call, layout, tmp_path, "/a/x")
    outcome = call("check-proof", proof, "--measurement", value, "--file", name, expect=3)
    assert outcome.stderr.startswith(f"error: {name}: ")


def test_a_copy_of_what_is_no_file(call: Call, layout: Path, value: str, tmp_path: Path) -> None:
    proof = proven(call, layout, tmp_path, "/link")
    outcome = call("check-proof", proof, "--measurement", value, "--file", proof, expect=2)
    assert "the proof does not show the content of a file" in outcome.stderr


def test_a_measurement_is_needed(call: Call) -> None:
    assert "Missing option '--measurement'" in call("check-proof", "proof.json", expect=2).stderr
