"""`olos kernel build`, with a source that is compiled in a moment."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from olos.progress import SILENT
from olos_build import kernel
from olos_build.kernel_build import configuration, patches, source
from support import linux_source
from support.cli import Call
from support.olos import ROOT

CHANGE = """SPDX-License-Identifier: GPL-2.0

--- a/init/main.c
+++ b/init/main.c
@@ -1,2 +1,2 @@
 #include <stdio.h>
-int main(void) { return puts(__FILE__ STAMP) < 0; }
+int main(void) { return puts("patched " __FILE__ STAMP) < 0; }
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A configuration and a patch that fit the small source."""
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches/0001-change.patch").write_text(CHANGE)
    (tmp_path / "small.config").write_text("# one\nCONFIG_ONE=y\n")
    monkeypatch.setattr(patches, "FOLDER", tmp_path / "patches")
    monkeypatch.setattr(configuration, "PINNED", tmp_path / "small.config")
    monkeypatch.setattr(source, "FOLDER", tmp_path / "no-such-folder")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    return linux_source.pack(tmp_path / "linux.tar.xz")


def test_help_is_what_the_document_shows(call: Call) -> None:
    text = call("kernel", "build", "--help").stdout
    assert f"```text\n$ olos kernel build --help\n{text}```" in (ROOT / "docs/cli.md").read_text()
    assert max(map(len, text.splitlines())) <= 80


def test_a_kernel_with_what_it_was_made_from(call: Call, tarball: Path, tmp_path: Path) -> None:
    outcome = call("kernel", "build", "-o", "k", "--source", tarball)
    program = (tmp_path / "k/linux").read_bytes()
    assert outcome.stdout == hashlib.sha256(program).hexdigest() + "\n"
    assert outcome.stderr == ""
    said = subprocess.run([tmp_path / "k/linux"], capture_output=True, text=True, check=True).stdout
    assert said == "patched init/main.cThu Jan  1 00:00:00 UTC 1970\n"
    made = json.loads((tmp_path / "k/build.json").read_text())
    assert made["source"] == {
        "name": "linux.tar.xz",
        "sha256": hashlib.sha256(tarball.read_bytes()).hexdigest(),
        "version": "6.1.999",
    }
    assert made["patches"] == [
        {"name": "0001-change.patch", "sha256": hashlib.sha256(CHANGE.encode()).hexdigest()}
    ]
    assert made["config_sha256"] == hashlib.sha256((tmp_path / "k/config").read_bytes()).hexdigest()
    assert made["compiler"].startswith("gcc")
    assert [c.path for c in kernel.collect(tmp_path / "k")] == ["kernel/linux", "kernel/modules.cpio"]
    assert not list(tmp_path.glob(".k.*"))


def test_json(call: Call, tarball: Path) -> None:
    report = json.loads(call("kernel", "build", "-o", "k", "--source", tarball, "--format", "json").stdout)
    assert report == json.loads(Path("k/build.json").read_text()) | {"path": "k"}


def test_same_bytes_elsewhere(
    call: Call, tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call("kernel", "build", "-o", "one", "--source", tarball, "--jobs", "1").stdout
    linux_source.write(tmp_path / "tree")
    for name in ("KBUILD_BUILD_TIMESTAMP", "KCFLAGS", "MAKEFLAGS", "CFLAGS"):
        monkeypatch.setenv(name, "nonsense")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    before = os.umask(0o077)
    try:
        second = call("kernel", "build", "-o", "two", "--source", tmp_path / "tree", "--jobs", "2").stdout
    finally:
        os.umask(before)
    assert first == second
    assert not any((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["a b", "a:b"], ids=["blank", "colon"])
def test_places_where_make_cannot_work(
    call: Call, tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    said = call("kernel", "build", "-o", "k", "--source", tarball, expect=3).stderr
    assert "cannot be compiled below a name with blanks or colons" in said
    assert said.endswith("hint: set TMPDIR to another directory\n")


def test_what_does_not_compile(call: Call, tmp_path: Path) -> None:
    broken = linux_source.FILES | {
        "Makefile": linux_source.MAKEFILE.replace("init/main.c -o", "init/none.c -o")
    }
    outcome = call(
        "kernel", "build", "-o", "k", "--source", linux_source.write(tmp_path / "t", broken), expect=4
    )
    assert outcome.out == b""
    assert "error: make failed with status 2:" in outcome.stderr
    assert "init/none.c: No such file or directory" in outcome.stderr
    assert not (tmp_path / "k").exists()


def test_verbose_shows_the_log(call: Call, tarball: Path) -> None:
    assert "CC      init/main.o" in call("-v", "kernel", "build", "-o", "k", "--source", tarball).stderr


def test_a_patch_that_does_not_fit(call: Call, tmp_path: Path) -> None:
    other = linux_source.write(tmp_path / "t", linux_source.FILES | {"init/main.c": "int main;\n"})
    said = call("kernel", "build", "-o", "k", "--source", other, expect=3).stderr
    assert "error: 0001-change.patch does not fit the source:" in said
    assert "1 out of 1 hunk FAILED" in said


def test_a_setting_that_is_not_there(call: Call, tmp_path: Path) -> None:
    makefile = linux_source.MAKEFILE.replace("cp $(KCONFIG_ALLCONFIG)", "echo CONFIG_ONE=m >")
    other = linux_source.write(tmp_path / "t", linux_source.FILES | {"Makefile": makefile})
    said = call("kernel", "build", "-o", "k", "--source", other, expect=3).stderr
    assert said.startswith("error: CONFIG_ONE: the source makes it m, not y\n")


@pytest.mark.parametrize("tool", ["make", "patch", "strip", "gcc", "bash", "bc", "bison", "flex", "ld"])
def test_a_tool_that_is_missing(
    call: Call, tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    (tmp_path / "bin").mkdir()
    for name in {"make", "patch", "strip", "gcc", "bash", "bc", "bison", "flex", "ld"} - {tool}:
        (tmp_path / "bin" / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    said = call("kernel", "build", "-o", "k", "--source", tarball, expect=6).stderr
    assert said.startswith(f"error: {tool} is not installed\nhint: apt-get install ")


def test_no_source_installed(call: Call) -> None:
    said = call("kernel", "build", "-o", "k", expect=6).stderr
    assert "no-such-folder/linux-source-6.1.tar.xz: there is no source of Linux" in said
    assert "hint: apt-get install linux-source-6.1 " in said


def strange(name: str, **values: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(member, key, value)
    return member


def linked(kind: bytes, name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (linked(tarfile.SYMTYPE, "l/escape", "../../../etc"), "outside"),
        (tarfile.TarInfo("l/../../escape"), "outside"),
        (linked(tarfile.LNKTYPE, "l/hard", "l/Makefile"), "has hard links"),
        (linked(tarfile.CHRTYPE, "l/device", ""), "special file"),
        (strange("l/" + "d/" * 3000 + "f"), "nested more than 64 deep"),
        (strange("l/f", mtime=2**70), "timestamp out of range"),
    ],
    ids=["symlink", "parent", "hard-link", "device", "deep", "time"],
)
def test_hostile_tarballs(call: Call, tmp_path: Path, member: tarfile.TarInfo, says: str) -> None:
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        archive.addfile(member)
    said = call("kernel", "build", "-o", "k", "--source", "t.tar", expect=3).stderr
    assert says in said
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"x": ""}, "is not the source of Linux"),
        ({"Makefile": "VERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 1\n"}, "is Linux 5.10.1, not 6.1"),
        ({"Makefile": "VERSION = 6\n"}, "is not the source of Linux"),
    ],
    ids=["no-makefile", "version", "no-version"],
)
def test_other_sources(call: Call, tmp_path: Path, files: dict[str, str], says: str) -> None:
    said = call("kernel", "build", "-o", "k", "--source", linux_source.pack(tmp_path / "t", files), expect=3)
    assert says in said.stderr
    assert "hint: give the source of Linux 6.1" in said.stderr


@pytest.mark.parametrize(
    "content", [b"", b"no tarball", b"\xfd7zXZ\x00\x00\x00"], ids=["empty", "text", "cut"]
)
def test_no_tarballs(call: Call, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    said = call("kernel", "build", "-o", "k", "--source", "t", expect=3).stderr
    assert said == "error: t: cannot be unpacked: file could not be opened successfully\n"


@pytest.mark.parametrize("at", [12, 100, 1000], ids=str)
def test_a_damaged_tarball(call: Call, tmp_path: Path, at: int) -> None:
    linux_source.write(tmp_path / "l")
    (tmp_path / "l/x").write_bytes(os.urandom(20_000))
    with tarfile.open(tmp_path / "t", "w:gz") as archive:
        archive.add("l")
    data = bytearray((tmp_path / "t").read_bytes())
    data[at : at + 300] = bytes(300)
    (tmp_path / "t").write_bytes(data)
    said = call("kernel", "build", "-o", "k", "--source", "t", expect=3).stderr
    assert said.startswith("error: t: ")


def test_a_source_that_is_no_file(call: Call, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        said = call("kernel", "build", "-o", "k", "--source", name, expect=3).stderr
        assert said == f"error: {name}: is neither a directory nor a regular file\n"


def test_a_directory_with_what_cannot_be_copied(call: Call, tmp_path: Path) -> None:
    linux_source.write(tmp_path / "l")
    os.mkfifo(tmp_path / "l/pipe")
    said = call("kernel", "build", "-o", "k", "--source", "l", expect=3).stderr
    assert said == "error: l: cannot be unpacked: l/pipe: `l/pipe` is a named pipe\n"


def test_another_directory_is_not_copied(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "l").mkdir()
    monkeypatch.setattr(shutil, "copytree", None)
    assert (
        "is not the source of Linux" in call("kernel", "build", "-o", "k", "--source", "l", expect=3).stderr
    )


def test_a_tarball_that_is_too_large(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LIMIT", 100_000)
    large = linux_source.pack(tmp_path / "large", linux_source.FILES | {"init/zeros": "0" * 100_000})
    assert large.stat().st_size < 100_000
    said = call("kernel", "build", "-o", "k", "--source", large, expect=3).stderr
    assert "is larger than the source of a kernel can be" in said
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(4 << 40)
    said = call("kernel", "build", "-o", "k", "--source", "sparse", expect=3).stderr
    assert "is larger than the source of a kernel can be" in said


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--source", "none"], 3, "none: cannot be unpacked: No such file"),
        (["--jobs", "0"], 2, "0 is not in the range"),
        (["-o", "."], 3, ".: is not empty"),
    ],
    ids=["source", "jobs", "output"],
)
def test_wrong_calls(call: Call, tarball: Path, args: list[str], code: int, says: str) -> None:
    usual = {"-o": "k", "--source": str(tarball)} | dict(zip(args[::2], args[1::2], strict=True))
    assert says in call("kernel", "build", *sum(usual.items(), ()), expect=code).stderr


def test_parts_that_are_not_compiled_stay_away(tmp_path: Path, tarball: Path) -> None:
    source.unpack(tarball, tmp_path / "t", SILENT)
    names = {path.relative_to(tmp_path / "t").as_posix() for path in (tmp_path / "t").rglob("*.*")}
    assert names == {"init/main.c", "init/version.c"}
    assert (tmp_path / "t/sound/Kconfig").exists()


def test_a_full_disk(call: Call, tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(tarfile.TarFile, "extract", Mock(side_effect=full))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = call("kernel", "build", "-o", "k", "--source", tarball, expect=3).stderr
    assert said == (
        f"error: {tmp_path}: cannot be written: No space left on device\n"
        "hint: free some space there, or set TMPDIR to another directory\n"
    )
