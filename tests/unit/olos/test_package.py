"""Reading packages: what is one, and which file tables are valid."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import InputError
from olos.iso import Entry
from olos.layout import Layout
from olos.package import MAGIC, TABLE_ENTRY, TABLE_HEADER, TABLE_SIZE, decode_table, open_any, open_package
from pack.table import encode
from support.layouts import contents, make_layout
from support.packages import changed, make_package, pack


@pytest.mark.parametrize("folder", ["layout", "blank and ü"])
def test_directory_and_package_open_alike(tmp_path: Path, folder: str) -> None:
    layout = make_layout(tmp_path / folder)
    package = pack(layout, tmp_path / "app.olos")
    unpacked, packed = open_any(tmp_path / folder), open_any(package)
    assert (unpacked.packed, packed.packed) == (False, True)
    assert (unpacked.origin, packed.origin) == (tmp_path / folder, package)
    assert contents(unpacked) == contents(packed)
    assert packed.manifest() == layout.manifest()


def test_opens_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(make_package(tmp_path))
    assert "olos.json" in open_any(tmp_path / "link")


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="neither a directory nor a regular file"):
        open_any(tmp_path / "fifo")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(None, "cannot be read: No such file", id="missing"),
        pytest.param(b"", "not a package", id="empty"),
        pytest.param(b"#!/bin/sh\n", "not a package", id="script"),
        pytest.param(Path("/bin/true").read_bytes(), "not a package", id="program"),
        pytest.param(bytes(1 << 20), "not a package", id="zeros"),
    ],
)
def test_other_files_are_no_packages(tmp_path: Path, data: bytes | None, message: str) -> None:
    if data is not None:
        (tmp_path / "file").write_bytes(data)
    with pytest.raises(InputError, match=message):
        open_any(tmp_path / "file")


@pytest.mark.parametrize("opener", [open_any, open_package])
def test_an_unreadable_package_is_named(tmp_path: Path, opener: Callable[[Path], Layout]) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(InputError, match="loop: cannot be read: Too many levels"):
        opener(loop)
    with pytest.raises(InputError, match="nnn: cannot be read: File name too long"):
        opener(tmp_path / ("n" * 300))


def test_a_directory_without_manifest_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layout"):
        open_any(tmp_path)


ENTRIES = (
    Entry("a/b", 0x9000, 10),
    Entry("empty", 0, 0),
    Entry("olos.json", 0x9800, 2048),
    Entry("rootfs.img", 0xA000, 8192),
)


UNRECORDED = Digest.sha256(b"unrecorded files")


def table(*entries: Entry, count: int | None = None) -> bytes:
    header = TABLE_HEADER.pack(MAGIC, len(entries) if count is None else count)
    body = b"".join(TABLE_ENTRY.pack(e.path.encode("latin-1"), e.offset, e.size) for e in entries)
    return (header + body).ljust(TABLE_SIZE - 32, b"\0") + UNRECORDED.value


def test_table_survives_encoding() -> None:
    assert decode_table(encode(reversed(ENTRIES), UNRECORDED), "table") == ENTRIES
    assert encode(ENTRIES, UNRECORDED) == table(*ENTRIES)


def test_table_of_63_files_is_the_largest() -> None:
    entries = [Entry("olos.json", 1 << 16, 1)]
    entries += [Entry(f"x{'y' * 44}{number:02}", (1 << 17) + number, 1) for number in range(62)]
    assert len(decode_table(encode(entries, UNRECORDED), "table")) == 63
    with pytest.raises(InputError, match=r"1 to 63 files \(64\)"):
        encode([*entries, Entry("z", 1 << 18, 1)], UNRECORDED)


def with_entry(path: str = "olos.json", offset: int = 0x9800, size: int = 2048) -> bytes:
    return table(Entry(path, offset, size))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(table(), "1 to 63 files", id="no file"),
        pytest.param(table(*ENTRIES, count=64), "1 to 63 files", id="64 files"),
        pytest.param(table(*ENTRIES, count=2**32 - 1), "1 to 63 files", id="4 billion files"),
        pytest.param(table(*ENTRIES, count=5), "entry 4.*no name", id="more than there are"),
        pytest.param(table(*ENTRIES, count=3), "must be zero", id="fewer than there are"),
        pytest.param(changed(table(*ENTRIES), (31, b"\1")), "must be zero", id="rest of the header"),
        pytest.param(changed(table(*ENTRIES), (4063, b"\1")), "must be zero", id="rest of the table"),
        pytest.param(changed(table(*ENTRIES), (32 + 8, b"x")), "entry 0.*no name", id="behind the name"),
        pytest.param(with_entry("../olos.json"), "no name", id="upwards"),
        pytest.param(with_entry("/olos.json"), "no name", id="absolute"),
        pytest.param(with_entry("a//b"), "no name", id="empty component"),
        pytest.param(with_entry("a/./b"), "no name", id="dot"),
        pytest.param(with_entry("a b"), "no name", id="blank"),
        pytest.param(with_entry("\xff"), "no name", id="not ASCII"),
        pytest.param(with_entry("a" * 48), "no name", id="48 bytes"),
        pytest.param(with_entry("a\n"), "no name", id="line feed"),
        pytest.param(table(*reversed(ENTRIES)), "not sorted", id="not sorted"),
        pytest.param(table(ENTRIES[2], ENTRIES[2]), "stands twice", id="twice"),
        pytest.param(
            table(Entry("a", 0x9000, 1), Entry("a/b", 0x9800, 1)),
            "file and the directory",
            id="file as folder",
        ),
        pytest.param(table(ENTRIES[0]), "no olos.json", id="no manifest"),
        pytest.param(with_entry(offset=0x7000), "overlaps", id="in the file table"),
        pytest.param(with_entry(offset=0), "overlaps", id="in the launcher"),
        pytest.param(table(ENTRIES[2], Entry("p", 0x9FFF, 1)), "p overlaps", id="overlap of one byte"),
        pytest.param(table(ENTRIES[2], Entry("p", 0x9000, 1 << 40)), "overlaps", id="around another"),
        pytest.param(with_entry(offset=2**64 - 1), "ends behind", id="offset beyond everything"),
        pytest.param(with_entry(size=2**64 - 1), "ends behind", id="size beyond everything"),
        pytest.param(
            table(Entry("a", 0x9000, 0), ENTRIES[2]), "its offset is not 0", id="empty, but somewhere"
        ),
        pytest.param(
            table(ENTRIES[2], Entry("rootfs.img", 0xA800, 4096)), "multiple of 4096", id="alignment"
        ),
    ],
)
def test_invalid_tables_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        decode_table(data, "table")
    assert caught.value.message.startswith("table: ")


def test_any_digest_of_unrecorded_files_is_read() -> None:
    """It is for verifying to compare; what only reads need not hash anything."""
    for digest in (bytes(32), b"\xff" * 32):
        assert decode_table(changed(table(*ENTRIES), (4064, digest)), "table") == ENTRIES


def shift_entry(data: bytes) -> bytes:
    """Move the first file (by name) of the table by one sector."""
    name, offset, size = TABLE_ENTRY.unpack_from(data, 0x7000 + TABLE_HEADER.size)
    return changed(data, (0x7000 + TABLE_HEADER.size, TABLE_ENTRY.pack(name, offset, size - 1)))


def rename_in_directory(data: bytes) -> bytes:
    return changed(data, (data.index(b"annotations.json", 0x8000), b"annotationz.json"))


@pytest.mark.parametrize("change", [shift_entry, rename_in_directory])
def test_table_and_directory_must_agree(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    package = make_package(tmp_path)
    package.write_bytes(change(package.read_bytes()))
    with pytest.raises(InputError, match=r"file table and ISO directory disagree about annotations\.json"):
        open_package(package)


@pytest.mark.parametrize("keep", [0x7FFF, 0x8000, 0x8800, 0xC000, -1])
def test_a_truncated_package_says_how_much_is_missing(tmp_path: Path, keep: int) -> None:
    package = make_package(tmp_path)
    size = package.stat().st_size
    os.truncate(package, keep % size)
    with pytest.raises(InputError, match=r"truncated: \d+ bytes are missing") as caught:
        open_package(package)
    assert caught.value.hint is not None
    if keep == -1:
        assert "truncated: 1 bytes" in caught.value.message


def test_reading_needs_no_more_than_the_package(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    shutil.rmtree(tmp_path / "layout")
    assert contents(open_package(package))["target/linux"].startswith(b"#!")
