"""Writing packages: other tools read the same files, and the bytes depend on nothing else."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from olos import binaries
from olos.errors import InputError
from olos.layout import Layout, open_directory
from olos.package import open_package
from olos.progress import SILENT
from pack import package as packages
from pack.verify import verify
from support.layouts import contents, make_layout, noise
from support.packages import LAUNCHER, make_package, pack

ROOT = Path(__file__).parent.parent.parent.parent
PROGRAMS = {"kernel/linux", "kernel/ld-linux-x86-64.so.2", "target/linux"}


@pytest.mark.parametrize("size", [4096, 8192, 5 * 4096, 3 << 20], ids=str)
def test_the_reader_finds_what_was_written(tmp_path: Path, size: int) -> None:
    layout = make_layout(tmp_path / "layout", rootfs=noise(size), extra={"kernel/empty": b""})
    package = open_package(pack(layout, tmp_path / "app.olos"))
    assert contents(package) == contents(layout)


def bsdtar(package: Path, target: Path) -> None:
    subprocess.run(["bsdtar", "-x", "-p", "-f", package, "-C", target], check=True, capture_output=True)


def seven_zip(package: Path, target: Path) -> None:
    command: list[str | Path] = ["7z", "x", f"-o{target}", package]
    subprocess.run(command, check=True, capture_output=True)


def xorriso(package: Path, target: Path) -> None:
    command: list[str | Path] = ["xorriso", "-osirrox", "on", "-indev", package, "-extract", "/", target]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["chmod", "-R", "u+w", target], check=True)


def isoinfo(package: Path, target: Path) -> None:
    for name in contents(open_package(package)):
        command: list[str | Path] = ["isoinfo", "-i", package, "-R", "-x", f"/{name}"]
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("extract", [bsdtar, seven_zip, xorriso, isoinfo])
def test_other_tools_extract_the_same_layout(tmp_path: Path, extract: Callable[[Path, Path], None]) -> None:
    package = make_package(tmp_path)
    (tmp_path / "out").mkdir()
    extract(package, tmp_path / "out")
    assert contents(open_directory(tmp_path / "out")) == contents(open_package(package))


def test_programs_are_executable_when_extracted(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    bsdtar(make_package(tmp_path), tmp_path / "out")
    for name, extent in open_directory(tmp_path / "out").files:
        assert extent.path.stat().st_mode & 0o7777 == (0o555 if name in PROGRAMS else 0o444), name


def test_an_extracted_package_packs_to_the_same_bytes(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    (tmp_path / "out").mkdir()
    bsdtar(package, tmp_path / "out")
    again = pack(open_directory(tmp_path / "out"), tmp_path / "again.olos")
    from_package = pack(open_package(package), tmp_path / "third.olos")
    assert package.read_bytes() == again.read_bytes() == from_package.read_bytes()


WRITE = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[1], 8))
from olos.layout import open_directory
from olos.output import atomic_file
from olos.progress import SILENT
from pack.package import write
with atomic_file(Path(sys.argv[3])) as stream:
    write(open_directory(Path(sys.argv[2])), stream, b"launcher", SILENT)
"""


def test_the_same_bytes_at_any_time_and_place(tmp_path: Path) -> None:
    first = make_layout(tmp_path / "one")
    made: list[bytes] = []
    for folder, when, umask, env in (
        ("one", "2001-02-03 04:05:06", "022", {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        ("two/three", "2037-12-31 23:59:59", "077", {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2"}),
        ("four", "1969-12-31 12:00:00", "0", {"TZ": "America/St_Johns", "PYCDLIB_TRACK_WRITES": "1"}),
    ):
        for name, data in reversed(contents(first).items()):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(data)
        out = tmp_path / "out.olos"
        command: list[str | Path] = [
            "faketime",
            when,
            sys.executable,
            "-c",
            WRITE,
            umask,
            tmp_path / folder,
            out,
        ]
        path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, env={**path, **env}, cwd="/")
        made.append(out.read_bytes())
    assert made[0] == made[1] == made[2]


def test_the_launcher_fills_its_place_and_no_more(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout")
    largest = noise(0x7000)
    data = pack(layout, tmp_path / "app.olos", launcher=largest).read_bytes()
    assert data[:0x7010] == largest + b"olos-package-1\0\0"
    with pytest.raises(InputError, match="launcher has 28673 bytes, but there is room for 28672"):
        pack(layout, tmp_path / "app.olos", launcher=largest + b"x")
    assert (tmp_path / "app.olos").read_bytes() == data


def test_with_the_real_launcher_it_is_a_program(tmp_path: Path) -> None:
    """And loads nothing behind its place: table and image are not mapped."""
    launcher = binaries.binary(binaries.LAUNCHER).read_bytes()
    package = pack(make_layout(tmp_path / "layout"), tmp_path / "app.olos", launcher)
    verify(package, launcher, SILENT)
    command: list[str | Path] = ["readelf", "--wide", "-hl", package]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C"})
    assert result.stderr == ""
    assert re.search(r"Class: +ELF64", result.stdout)
    assert re.search(r"Machine: .*X86-64", result.stdout)
    assert "INTERP" not in result.stdout
    loads = re.findall(r"^ +LOAD +(0x\w+) 0x\w+ 0x\w+ (0x\w+)", result.stdout, re.MULTILINE)
    assert loads
    assert all(int(offset, 16) + int(size, 16) <= 0x7000 for offset, size in loads)


def sparse_layout(folder: Path, size: int) -> Layout:
    """A layout whose rootfs is a hole but for a few bytes at its start, middle and end."""
    make_layout(folder)
    with (folder / "rootfs.img").open("r+b") as stream:
        stream.truncate(0)
        stream.truncate(size)
        for offset in (0, size // 2 // 4096 * 4096, size - 4096):
            stream.seek(offset)
            stream.write(b"data" * 1024)
    return open_directory(folder)


def test_five_gib_with_holes(tmp_path: Path) -> None:
    """More than one extent holds, packed in no time and no space, and read by another tool."""
    layout = sparse_layout(tmp_path / "layout", 5 << 30)
    package = pack(layout, tmp_path / "app.olos")
    status = package.stat()
    assert status.st_size > 5 << 30
    assert status.st_blocks * 512 < 1 << 20
    extent = open_package(package)["rootfs.img"]
    assert extent.size == 5 << 30
    with extent.open() as stream:
        for offset in (0, extent.size // 2, extent.size - 4096):
            stream.seek(offset)
            assert stream.read(4096) == b"data" * 1024
    listing = subprocess.run(["bsdtar", "-tvf", package], check=True, capture_output=True, text=True).stdout
    assert f" {5 << 30} Jan  1  1970 rootfs.img" in listing


def test_progress_counts_all_bytes(tmp_path: Path) -> None:
    layout = sparse_layout(tmp_path / "layout", 1 << 24)
    seen = Counting()
    with (tmp_path / "out").open("w+b") as stream:
        packages.write(layout, stream, LAUNCHER, seen)
    assert seen.total == seen.done == sum(extent.size for _, extent in layout.files)


class Counting:
    """A progress, and its only task, that count."""

    def __init__(self) -> None:
        self.total, self.done = 0, 0

    def step(self, text: str) -> None: ...

    def warn(self, name: str, text: str) -> None: ...

    def output(self, line: str) -> None: ...

    def task(self, text: str, total: int | None, unit: str) -> "Counting":
        assert total is not None
        self.total += total
        return self

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *exc: object) -> None: ...

    def advance(self, amount: int) -> None:
        assert amount >= 0
        self.done += amount


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda path: path.unlink(), "rootfs.img: cannot be read: No such file", id="vanished"),
        pytest.param(lambda path: os.truncate(path, 100), "rootfs.img: shorter than", id="became shorter"),
    ],
)
def test_a_layout_that_changes_meanwhile(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    layout = make_layout(tmp_path / "layout")
    spoil(tmp_path / "layout/rootfs.img")
    with pytest.raises(InputError, match=message):
        pack(layout, tmp_path / "app.olos")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout"]


def test_a_full_disk(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout")
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("r+b", buffering=0) as stream:
        packages.write(layout, stream, LAUNCHER, Counting())
