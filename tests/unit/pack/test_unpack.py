"""Unpacking: the same files, with the modes of a layout, whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE, Layout, open_directory
from olos.package import open_any, open_package
from olos.progress import SILENT
from pack.unpack import unpack
from support.layouts import contents, make_layout, noise
from support.packages import make_package, pack

PROGRAMS = {"kernel/linux", "kernel/ld-linux-x86-64.so.2", "target/linux"}


@pytest.fixture(params=["package", "directory"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Layout:
    package = make_package(tmp_path)
    return open_any(package if request.param == "package" else tmp_path / "layout")


@pytest.fixture(params=[0o022, 0o077, 0], ids=oct)
def umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_signature_is_carried(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", extra={SIGSTRUCT: noise(SIGSTRUCT_SIZE)})
    unpack(open_package(pack(layout, tmp_path / "app.olos")), tmp_path / "out", SILENT)
    assert (tmp_path / "out" / SIGSTRUCT).read_bytes() == noise(SIGSTRUCT_SIZE)
    assert contents(open_directory(tmp_path / "out")) == contents(layout)


def test_the_files_and_their_modes(tmp_path: Path, layout: Layout, umask: object) -> None:
    unpack(layout, tmp_path / "out", SILENT)
    unpacked = open_directory(tmp_path / "out")
    assert contents(unpacked) == contents(layout)
    for name, extent in unpacked.files:
        assert extent.path.stat().st_mode & 0o7777 == (0o755 if name in PROGRAMS else 0o644), name
    for folder in ("", "kernel", "crt", "target"):
        assert (tmp_path / "out" / folder).stat().st_mode & 0o7777 == 0o755, folder


def test_packing_what_was_unpacked_gives_the_same_package(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    unpack(open_package(package), tmp_path / "out", SILENT)
    assert pack(open_directory(tmp_path / "out"), tmp_path / "b").read_bytes() == package.read_bytes()


def test_holes_stay_holes(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout")
    os.truncate(tmp_path / "layout/rootfs.img", 0)
    os.truncate(tmp_path / "layout/rootfs.img", 1 << 30)
    layout = open_directory(tmp_path / "layout")
    unpack(open_package(pack(layout, tmp_path / "app.olos")), tmp_path / "out", SILENT)
    status = (tmp_path / "out/rootfs.img").stat()
    assert (status.st_size, status.st_blocks) == (1 << 30, 0)


def missing_parents(tmp_path: Path) -> Path:
    return tmp_path / "a/b/out"


def empty_directory(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir(mode=0o700)
    return tmp_path / "out"


def link_to_empty_directory(tmp_path: Path) -> Path:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    return tmp_path / "out"


@pytest.mark.parametrize("prepare", [missing_parents, empty_directory, link_to_empty_directory])
def test_destinations_that_are_taken(tmp_path: Path, prepare: Callable[[Path], Path]) -> None:
    layout = open_package(make_package(tmp_path))
    destination = prepare(tmp_path)
    unpack(layout, destination, SILENT)
    assert contents(open_directory(destination)) == contents(layout)
    assert destination.is_symlink() == (prepare is link_to_empty_directory)
    assert not [path for path in destination.resolve().parent.iterdir() if path.name.startswith(".")]


def used_directory(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").write_text("mine")
    return tmp_path / "out"


def file(tmp_path: Path) -> Path:
    (tmp_path / "out").write_text("mine")
    return tmp_path / "out"


def dangling_link(tmp_path: Path) -> Path:
    (tmp_path / "out").symlink_to("nowhere")
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [(used_directory, "is not empty"), (file, "is not a directory"), (dangling_link, "is not a directory")],
)
def test_destinations_that_are_refused(tmp_path: Path, prepare: Callable[[Path], Path], message: str) -> None:
    layout = open_package(make_package(tmp_path))
    destination = prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        unpack(layout, destination, SILENT)
    assert caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    layout = open_package(package)
    os.truncate(package, layout["rootfs.img"].offset + 100)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="app.olos: shorter than"):
        unpack(layout, tmp_path / "out", SILENT)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    layout = open_package(make_package(tmp_path))
    with pytest.raises(InputError, match="cannot be written"):
        unpack(layout, Path("/proc/olos-unpacked"), SILENT)
