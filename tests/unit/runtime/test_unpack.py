"""A package that unpacks itself, against the layout that it was made of."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from olos.layout import MANIFEST, ROOTFS, open_directory
from olos.package import open_package
from support.layouts import contents
from support.measured import ask_layout, run


def test_unpacked_is_the_layout(layout: Path, package: Path, tmp_path: Path, value: str) -> None:
    folder = tmp_path / "out"
    result = run("sh", "-c", 'umask 077; exec "$0" --olos-unpack "$1"', package, folder)
    assert (result.stdout, result.stderr) == ("", "")
    assert contents(open_directory(folder)) == contents(open_directory(layout))
    modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o7777 for path in folder.rglob("*")}
    programs = {"kernel/linux", "kernel/ld-linux-x86-64.so.2", "target/linux", "kernel", "crt", "target"}
    assert modes == {name: 0o755 if name in programs else 0o644 for name in modes}
    assert folder.stat().st_mode & 0o7777 == 0o755
    assert ask_layout(folder, "--olos-measure").stdout == value + "\n"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["empty", "empty/", "./empty", "new/"])
def test_unpacks_into_an_empty_directory(package: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    run("sh", "-c", 'cd "$1" && exec "$0" --olos-unpack "$2"', package, tmp_path, name)
    assert (tmp_path / name / MANIFEST).is_file()


@pytest.mark.parametrize("kind", ["full", "file", "link-to-file"])
def test_keeps_what_is_there(package: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "there"
    if kind == "full":
        target.mkdir()
        (target / "mine").write_text("mine")
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to("/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    assert "exists" in run(package, "--olos-unpack", target, expect=2).stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unwritable_place(package: Path) -> None:
    assert "cannot be written" in run(package, "--olos-unpack", "/proc/x", expect=125).stderr
    assert "cannot be written" in run(package, "--olos-unpack", "/missing/folder/x", expect=125).stderr


def test_a_full_disk_leaves_nothing(package: Path, tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=300k none "$1" && '
    script = mount + '"$0" --olos-unpack "$1/out"; code=$?; ls -A "$1"; exit $code'
    result = run("unshare", "--mount", "sh", "-c", script, package, tmp_path, expect=125)
    assert "cannot be written: No space left" in result.stderr
    assert result.stdout == ""


def test_ctrl_c_leaves_nothing(package: Path, tmp_path: Path) -> None:
    """The size of one file in the table is raised to that of a very long hole, so that it takes long."""
    data = bytearray(package.read_bytes())
    size = 1 << 36
    file = open_package(package)[ROOTFS]
    entry = data.index(ROOTFS.encode() + b"\0", 0x7000)
    end = len(data) + -len(data) % 4096
    data[entry + 48 : entry + 64] = end.to_bytes(8, "little") + size.to_bytes(8, "little")
    large = tmp_path / "large"
    large.write_bytes(data)
    os.truncate(large, end + size)
    large.chmod(0o755)
    assert file.size < size
    process = subprocess.Popen([large, "--olos-unpack", tmp_path / "out"], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".out.*/olos.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "interrupted" in message
    assert list(tmp_path.iterdir()) == [large]
