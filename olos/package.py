"""Reader of packages, format `olos-package-1` (docs/formats.md section 6).

A package says twice where its files are: in the file table, which the launcher reads, and in
the ISO 9660 directories, which everybody else reads. `open_package` reads both and refuses a
package in which they differ. All bytes are hostile; no size is believed.
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

from olos.errors import InputError
from olos.extent import Extent
from olos.iso import SYSTEM_AREA, Entry, read_volume
from olos.layout import MANIFEST, MAX_FILES, NO_LAYOUT_HINT, ROOTFS, Layout, open_directory
from olos.manifest import MAX_SIZE, check_layout_name

TABLE_OFFSET = 0x7000
"""Byte at which the file table begins; the launcher has all bytes before it."""

TABLE_SIZE = 4096
MAGIC = b"olos-package-1\0\0"
TABLE_HEADER = struct.Struct("<16sI12x")
TABLE_ENTRY = struct.Struct("<48sQQ")
DIGEST_SIZE = 32
DIGEST_OFFSET = TABLE_SIZE - DIGEST_SIZE
"""Byte of the table at which the digest of unrecorded files begins, which verifying compares, not reading."""

ROOTFS_ALIGNMENT = 4096


def open_any(path: Path) -> Layout:
    """The layout in a directory or in a package. Raises InputError if it is neither."""
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    return open_directory(path) if is_directory else open_package(path)


def open_package(path: Path) -> Layout:
    """The layout in a package. Raises InputError if it is none, is cut off, or contradicts itself."""
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        entries = _read_table(stream, path)
        _check_complete(max(entry.offset + entry.size for entry in entries), size, path)
        volume = read_volume(stream, f"{path}: ISO structures")
        _check_complete(volume.size, size, path)
    _compare(entries, volume.entries, path)
    return Layout(
        path, True, tuple((entry.path, Extent(path, entry.offset, entry.size)) for entry in entries)
    )


def _opened(path: Path) -> BinaryIO:
    try:
        # Not blocking: nobody may keep us waiting with a named pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path}: neither a directory nor a regular file", hint=NO_LAYOUT_HINT)
    return os.fdopen(descriptor, "rb")


def _read_table(stream: BinaryIO, path: Path) -> tuple[Entry, ...]:
    stream.seek(TABLE_OFFSET)
    table = stream.read(TABLE_SIZE)
    if table[: len(MAGIC)] != MAGIC:
        raise InputError(f"{path}: not a package: no file table at byte {TABLE_OFFSET}", hint=NO_LAYOUT_HINT)
    _check_complete(TABLE_OFFSET + TABLE_SIZE, TABLE_OFFSET + len(table), path)
    return decode_table(table, f"{path}: file table")


def decode_table(table: bytes, where: str) -> tuple[Entry, ...]:
    """The entries of a file table of TABLE_SIZE bytes. Raises InputError naming `where`."""
    magic, count = TABLE_HEADER.unpack_from(table)
    end = TABLE_HEADER.size + count * TABLE_ENTRY.size
    if magic != MAGIC or not 0 < count <= MAX_FILES:
        raise InputError(f"{where}: the header is wrong, or it has not 1 to {MAX_FILES} files ({count})")
    if any(table[len(MAGIC) + 4 : TABLE_HEADER.size]) or any(table[end:DIGEST_OFFSET]):
        raise InputError(f"{where}: bytes that must be zero are not")
    entries = tuple(
        Entry(_path(name, f"{where}: entry {number}"), offset, size)
        for number, (name, offset, size) in enumerate(TABLE_ENTRY.iter_unpack(table[TABLE_HEADER.size : end]))
    )
    _check_names([entry.path for entry in entries], where)
    _check_extents(entries, where)
    return entries


def _path(field: bytes, where: str) -> str:
    name = field.rstrip(b"\0")
    try:
        return check_layout_name(name.decode("ascii"), where)
    except UnicodeDecodeError as exc:
        raise InputError(f"{where}: {name!r} is no name of a file in a layout") from exc


def _check_names(names: list[str], where: str) -> None:
    if names != sorted(set(names)):
        raise InputError(f"{where}: not sorted, or a name stands twice")
    for name in names:
        for folder in Path(name).parents:
            if str(folder) in names:
                raise InputError(f"{where}: {folder} is a file and the directory of {name}")
    if MANIFEST not in names:
        raise InputError(f"{where}: no layout: it has no {MANIFEST}", hint=NO_LAYOUT_HINT)


def _check_extents(entries: tuple[Entry, ...], where: str) -> None:
    end = SYSTEM_AREA
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if not entry.size:
            if entry.offset:
                raise InputError(f"{where}: {entry.path} is empty, but its offset is not 0")
            continue
        if entry.offset < end:
            raise InputError(f"{where}: {entry.path} overlaps what lies before byte {end}")
        if entry.path == ROOTFS and entry.offset % ROOTFS_ALIGNMENT:
            raise InputError(f"{where}: {ROOTFS} does not start at a multiple of {ROOTFS_ALIGNMENT}")
        end = entry.offset + entry.size
        if end > MAX_SIZE:
            raise InputError(f"{where}: {entry.path} ends behind byte {MAX_SIZE}")


def _check_complete(expected: int, actual: int, path: Path) -> None:
    if actual < expected:
        raise InputError(
            f"{path}: truncated: {expected - actual} bytes are missing at the end",
            hint=f"it must have at least {expected} bytes; copy or download it again",
        )


def _compare(table: tuple[Entry, ...], directory: tuple[Entry, ...], path: Path) -> None:
    """The file table and the ISO directories must name the same extents."""
    if table == directory:
        return
    first = min(set(table) ^ set(directory), key=lambda entry: entry.path).path
    raise InputError(
        f"{path}: file table and ISO directory disagree about {first}\n"
        f"  file table    {_place(table, first)}\n"
        f"  ISO directory {_place(directory, first)}"
    )


def _place(entries: tuple[Entry, ...], path: str) -> str:
    for entry in entries:
        if entry.path == path:
            return f"{entry.size} bytes at byte {entry.offset}"
    return "does not have it"
