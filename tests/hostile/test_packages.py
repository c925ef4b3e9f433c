"""Packages made to deceive: each is refused with a clear error, in no time and little memory."""

import io
import os
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olos.errors import InputError, MismatchError
from olos.iso import read_volume
from olos.package import TABLE_ENTRY, TABLE_HEADER, open_package
from olos.progress import SILENT
from pack.iso import master
from pack.verify import verify
from support.layouts import make_layout
from support.packages import LAUNCHER, changed, make_package, pack

SECTOR = 2048
QUICK = 2.0
"""Seconds; all of these take a few milliseconds."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_package(tmp_path_factory.mktemp("package")).read_bytes()


def both(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def record(data: bytes, name: str) -> int:
    """Where the directory record with this Rock Ridge name begins."""
    entry = b"NM" + bytes([5 + len(name), 1, 0]) + name.encode()
    position = data.index(entry)
    starts = (
        start
        for start in range(position - 33, position - 80, -1)
        if data[start + 28 : start + 32] == b"\1\0\0\1"
    )
    return next(starts)


def root_of(data: bytes) -> int:
    return int.from_bytes(data[16 * SECTOR + 158 : 16 * SECTOR + 162], "little")


def renamed(old: str, new: str) -> Callable[[bytes], bytes]:
    assert len(old) == len(new)
    return lambda data: changed(data, (data.index(old.encode(), 16 * SECTOR), new.encode()))


def in_record(name: str, field: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda data: changed(data, (record(data, name) + field, value))


def folder_is_root(data: bytes) -> bytes:
    return changed(data, (record(data, "kernel") + 2, both(root_of(data))))


def folders_share(data: bytes) -> bytes:
    place = record(data, "crt") + 2
    return changed(data, (record(data, "kernel") + 2, data[place : place + 8]))


def in_descriptor(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Change the primary volume descriptor, and its copy if there is one."""

    def change(data: bytes) -> bytes:
        copy = data[17 * SECTOR : 18 * SECTOR] == data[16 * SECTOR : 17 * SECTOR]
        return changed(data, *((sector * SECTOR + offset, value) for sector in range(16, 17 + copy)))

    return change


def endless_descriptors(data: bytes) -> bytes:
    return changed(data, *((number * SECTOR, data[16 * SECTOR : 17 * SECTOR]) for number in range(17, 28)))


def in_entry(signature: bytes, skip: int, value: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        place = data.index(signature, record(data, "olos.json"))
        return changed(data, (place + skip, value))

    return change


DEFECTS = {
    "directory is its own parent": (folder_is_root, "reached twice"),
    "two directories are one": (folders_share, "reached twice"),
    "directory is a file": (in_record("kernel", 25, b"\0"), "neither a file nor a directory"),
    "file is a directory": (in_record("olos.json", 25, b"\2"), "neither a file nor a directory"),
    "directory of 4 GiB": (in_record("kernel", 10, both(0xFFFFF800)), "has 4294965248 bytes"),
    "directory of 0 bytes": (in_record("kernel", 10, both(0)), "has 0 bytes"),
    "directory of half a sector": (in_record("kernel", 10, both(1024)), "has 1024 bytes"),
    "directory behind the end": (in_record("kernel", 2, both(2**32 - 1)), "ends inside the directory"),
    "directory over file data": (in_record("kernel", 2, both(30)), "directory record|no Rock Ridge|cut off"),
    "record longer than its sector": (in_record("annotations.json", 0, b"\xff"), "ISO structures"),
    "record shorter than its fields": (in_record("annotations.json", 0, b"\x10"), "cut off"),
    "name longer than its record": (in_record("olos.json", 32, b"\xff"), "cut off"),
    "name of no bytes": (in_record("olos.json", 32, b"\0"), "cut off"),
    "more extents, none follows": (in_record("target", 25, b"\x80"), "neither a file nor a directory"),
    "more extents, another file follows": (in_record("annotations.json", 25, b"\x80"), "do not follow"),
    "more extents, the directory ends": (in_record("modules.cpio", 25, b"\x80"), "last extent.*missing"),
    "interleaved": (in_record("olos.json", 26, b"\1\1"), "attributes that no file"),
    "extended attributes": (in_record("olos.json", 1, b"\1"), "attributes that no file"),
    "another volume": (in_record("olos.json", 28, b"\2\0\0\2"), "attributes that no file"),
    "hidden": (in_record("olos.json", 25, b"\1"), "attributes that no file"),
    "byte orders disagree": (in_record("olos.json", 10, b"\xff"), "byte orders"),
    "upwards": (renamed("aa", ".."), r"'\.\.' is no name"),
    "itself": (renamed("NM\x06\x01\0b", "NM\x06\x01\0."), r"'\.' is no name"),
    "slash": (renamed("olos.json", "o/os.json"), "'o/os.json' is no name"),
    "not ASCII": (lambda data: changed(data, (data.index(b"olos.json", 0x8000), b"\xff")), "not ASCII"),
    "symlink": (in_entry(b"PX", 4, both(0o120777)), "neither a file nor a directory"),
    "set-uid device": (in_entry(b"PX", 4, both(0o064777)), "neither a file nor a directory"),
    "entry of no bytes": (in_entry(b"PX", 2, b"\0"), "cut off"),
    "entry of 255 bytes": (in_entry(b"PX", 2, b"\xff"), "cut off"),
    "entry cut short": (in_entry(b"PX", 2, b"\x08"), "ISO structures"),
    "continued elsewhere": (in_entry(b"TF", 0, b"CE"), "unexpected Rock Ridge entry b'CE'"),
    "no name": (in_entry(b"NM", 0, b"TF"), "no Rock Ridge name"),
    "no mode": (in_entry(b"PX", 0, b"TF"), "no Rock Ridge name or no mode"),
    "no descriptor": (in_descriptor(1, b"XX001"), "no primary volume descriptor"),
    "Joliet": (lambda data: changed(data, (17 * SECTOR, b"\2")), r"descriptor 1 \(type 2\) is neither"),
    "endless descriptors": (endless_descriptors, "more than 8 volume descriptors"),
    "blocks of 512 bytes": (in_descriptor(128, b"\0\2\2\0"), "block size is not 2048"),
    "blocks of 0 bytes": (in_descriptor(128, b"\0\0\0\0"), "block size is not 2048"),
    "larger than the file": (in_descriptor(80, both(2**32 - 1)), "truncated: "),
    "root is a file": (in_descriptor(156 + 25, b"\0"), "the root is no directory"),
    "root behind the end": (in_descriptor(156 + 2, both(2**32 - 1)), "ends inside the directory"),
    "root cut short": (in_descriptor(156, b"\x21"), "cut off"),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A package with the file aa/b besides the others."""
    folder = tmp_path_factory.mktemp("odd")
    return pack(make_layout(folder / "layout", extra={"aa/b": b"x"}), folder / "app.olos").read_bytes()


@pytest.mark.parametrize(("change", "message"), DEFECTS.values(), ids=DEFECTS.keys())
def test_defective_structures(
    odd: bytes, tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    data = change(odd)
    assert data != odd
    path = tmp_path / "app.olos"
    path.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(InputError, match=message) as caught:
        open_package(path)
    assert time.monotonic() - start < QUICK
    assert str(path) in caught.value.message


def test_two_files_of_one_name(tmp_path: Path) -> None:
    """ISO names differ, Rock Ridge names do not: which one a tool extracts is anybody's guess."""
    layout = make_layout(tmp_path / "layout", extra={"kernel/libc.so.7": b"other"})
    path = pack(layout, tmp_path / "app.olos")
    data = path.read_bytes()
    path.write_bytes(changed(data, (data.index(b"libc.so.7", 0x8000), b"libc.so.6")))
    with pytest.raises(InputError, match=r"kernel/libc\.so\.6 stands twice"):
        open_package(path)


def test_truncated_at_every_sector(package: bytes, tmp_path: Path) -> None:
    path = tmp_path / "app.olos"
    path.write_bytes(package)
    for size in range(len(package) - SECTOR, -1, -SECTOR):
        os.truncate(path, size)
        with pytest.raises(
            InputError, match="truncated: .* bytes are missing" if size > 0x7000 else "package"
        ):
            open_package(path)


def test_a_file_of_endless_extents_is_bounded() -> None:
    """16 MiB of directory would describe thousands of extents; the reader stops before."""
    mastered = master({"olos.json": 1, "big": 1 << 42})
    image = io.BytesIO(bytes(16 * SECTOR) + mastered.structures)
    assert [entry.size for entry in read_volume(image, "image").entries] == [1 << 42, 1]
    place = 16 * SECTOR + 156 + 10
    data = changed(image.getvalue(), (place, both(16 << 20)))
    start = time.monotonic()
    with pytest.raises(InputError, match="has 16777216 bytes"):
        read_volume(io.BytesIO(data), "image")
    assert time.monotonic() - start < QUICK


def test_table_entries_point_where_they_like(package: bytes, tmp_path: Path) -> None:
    """Offsets and sizes at all the edges of 64 bits."""
    path = tmp_path / "app.olos"
    edges = [0, 1, 0x7000, 0x8000, len(package), 2**31, 2**32, 2**53 - 1, 2**63 - 1, 2**63, 2**64 - 1]
    place = 0x7000 + TABLE_HEADER.size
    name, _, _ = TABLE_ENTRY.unpack_from(package, place)
    for offset in edges:
        for size in edges:
            path.write_bytes(changed(package, (place, TABLE_ENTRY.pack(name, offset, size))))
            with pytest.raises(InputError):
                open_package(path)


STRUCTURES = range(0x7000, 28 * SECTOR)
"""File table and ISO structures of the small package: what the reader interprets."""

mutations = st.lists(
    st.tuples(st.sampled_from(STRUCTURES), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
)


@settings(
    max_examples=400,
    derandomize=True,
    deadline=2000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(mutations)
def test_any_mutation_is_read_refused_or_named(
    package: bytes, tmp_path: Path, patches: list[tuple[int, bytes]]
) -> None:
    """Never another exception, never an extent outside of the file; what differs never verifies."""
    data = changed(package, *patches)
    path = tmp_path / "app.olos"
    path.write_bytes(data)
    check(path, package)


@pytest.mark.parametrize("seed", range(20))
def test_swapped_and_repeated_sectors(package: bytes, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    sectors = [package[start : start + SECTOR] for start in range(0, len(package), SECTOR)]
    for _ in range(3):
        sectors[chance.randrange(14, 28)] = sectors[chance.randrange(14, len(sectors))]
    path = tmp_path / "app.olos"
    path.write_bytes(b"".join(sectors))
    check(path, package)


def check(path: Path, original: bytes) -> None:
    try:
        layout = open_package(path)
        assert all(extent.offset + extent.size <= len(original) for _, extent in layout.files)
        verify(path, LAUNCHER, SILENT)
    except (InputError, MismatchError) as error:
        assert str(path) in error.message
    else:
        assert path.read_bytes()[: STRUCTURES.stop] == original[: STRUCTURES.stop]
