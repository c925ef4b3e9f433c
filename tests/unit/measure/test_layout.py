"""A layout is measured from its bytes; whatever does not match its manifest is named."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from measure import rootfs, verity
from measure.layout import measure
from measure.regions import measurement
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.layout import (
    ANNOTATIONS,
    MANIFEST,
    ROOTFS,
    SIGSTRUCT,
    SIGSTRUCT_SIZE,
    TARGET_PROGRAM,
    open_directory,
)
from olos.manifest import Manifest, RootfsRecord
from olos.progress import SILENT
from support.layouts import CRT, KERNEL, make_layout
from support.trees import small_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A layout with a real root file system image."""
    image = small_image()
    path = tmp_path / "image"
    path.write_bytes(image)
    with path.open("r+b") as stream:
        verity.append_hash_tree(stream, len(image), SILENT)
    data = path.read_bytes()
    layout = make_layout(tmp_path / "layout", rootfs=data)
    roots = rootfs.measure(Extent(path, 0, len(data)), len(image), SILENT)
    record = RootfsRecord(ROOTFS, len(image), roots.verity_root, roots.tree_root, roots.entries)
    replace(layout.origin, lambda manifest: dataclasses.replace(manifest, rootfs=record))
    return layout.origin


def replace(folder: Path, change: Callable[[Manifest], Manifest]) -> None:
    manifest = Manifest.decode((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(change(manifest).encode())


def test_what_matches_is_measured(folder: Path) -> None:
    measured = measure(open_directory(folder), SILENT)
    assert measured.manifest.encode() == (folder / MANIFEST).read_bytes()
    assert measured.measurement == measurement(measured.manifest)


@pytest.mark.parametrize("name", [*KERNEL, *CRT, ROOTFS])
def test_a_changed_byte_is_named(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(MismatchError, match=name) as caught:
        measure(open_directory(folder), SILENT)
    if name != ROOTFS:
        assert "expected " in caught.value.message
        assert "actual " in caught.value.message


@pytest.mark.parametrize("name", [*KERNEL, *CRT, ROOTFS])
def test_a_byte_more_or_less_is_named(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for other in (data + b"\0", data[:-1]):
        (folder / name).write_bytes(other)
        with pytest.raises(MismatchError, match=f"{name}: size"):
            measure(open_directory(folder), SILENT)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("verity_root", Digest.sha256(b""), "verity root"),
        ("tree_root", Digest.sha256(b""), "tree root"),
        ("entries", 1_000_000, "number of entries"),
    ],
)
def test_a_stored_root_is_never_believed(folder: Path, field: str, value: Any, says: str) -> None:
    replace(
        folder,
        lambda manifest: dataclasses.replace(
            manifest, rootfs=dataclasses.replace(manifest.rootfs, **{field: value})
        ),
    )
    with pytest.raises(MismatchError, match=f"{says} does not match"):
        measure(open_directory(folder), SILENT)


@pytest.mark.parametrize("name", [*KERNEL, *CRT, ROOTFS])
def test_a_missing_component_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        measure(open_directory(folder), SILENT)


def test_unrecorded_files_change_nothing(folder: Path) -> None:
    value = measure(open_directory(folder), SILENT).measurement
    (folder / SIGSTRUCT).write_bytes(bytes(SIGSTRUCT_SIZE))
    (folder / TARGET_PROGRAM).write_bytes(b"another")
    (folder / ANNOTATIONS).unlink()
    assert measure(open_directory(folder), SILENT).measurement == value


def test_a_file_that_nobody_measures_is_refused(folder: Path) -> None:
    (folder / "kernel" / "more").touch()
    with pytest.raises(InputError, match="kernel/more is not named by the manifest"):
        measure(open_directory(folder), SILENT)


@pytest.mark.parametrize(
    "make", [lambda p: p.symlink_to("/dev/zero"), lambda p: p.mkdir()], ids=["link", "folder"]
)
def test_what_is_no_file_is_no_component(folder: Path, make: Callable[[Path], None]) -> None:
    (folder / "kernel" / "linux").unlink()
    make(folder / "kernel" / "linux")
    with pytest.raises(InputError, match="kernel/linux"):
        measure(open_directory(folder), SILENT)
