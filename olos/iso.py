"""Reader of the ISO 9660 and Rock Ridge structures that packages use (docs/formats.md section 6).

ECMA-119 names the fields, IEEE P1281 (SUSP) and P1282 (Rock Ridge) the system use entries.
A package has one tree of directories, and no other structure in which a tool could find
other files: what else the standards allow (Joliet, El Torito, symlinks, relocated
directories, extended attributes, several volumes) is refused. All bytes are hostile.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from olos.errors import InputError
from olos.layout import MAX_FILES

SECTOR = 2048
SYSTEM_AREA = 16 * SECTOR
"""Bytes before the volume descriptors, which ISO 9660 leaves to the system (ECMA-119 6.2.1)."""

MAX_DEPTH = 8
"""Levels of directories, the root counted (ECMA-119 6.8.2.1)."""

_MAX_DIRECTORIES = MAX_FILES * MAX_DEPTH
_MAX_DIRECTORY_BYTES = 4 << 20
_MAX_DESCRIPTORS = 8

# ECMA-119 8: a volume descriptor is a type, the identifier and the version; here primary (8.4)
# and set terminator (8.3).
_IDENTIFIER = b"CD001"
_PRIMARY, _TERMINATOR = 1, 255
_SPACE_SIZE = 80
_BLOCK_SIZE = 128
_ROOT_RECORD = slice(156, 190)

# ECMA-119 9.1: length, extended attributes, extent and size in both byte orders, date, flags, unit size,
# gap, volume in both byte orders, length of the name.
_RECORD = struct.Struct("<BB4s4s4s4s7sBBB4sB")
_DIRECTORY, _MORE_EXTENTS = 0x02, 0x80
_SELF, _PARENT = b"\0", b"\1"

_IGNORED_ENTRIES = frozenset({b"RR", b"TF"})
_TYPE_MASK, _REGULAR, _FOLDER = 0o170000, 0o100000, 0o040000


@dataclass(frozen=True)
class Entry:
    """A file and where its bytes are: `size` bytes from byte `offset` on. An empty file is at 0."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True)
class Volume:
    """What an ISO 9660 image says of itself: its size in bytes and its files, sorted by path."""

    size: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class _Record:
    """A directory record (ECMA-119 9.1): the name is that of Rock Ridge, offset and size are in bytes."""

    identifier: bytes
    name: str
    offset: int
    size: int
    flags: int


def read_volume(stream: BinaryIO, where: str) -> Volume:
    """Read the descriptors and the directory tree of an image.

    Sizes and offsets are those that the image states; whether they lie in the file is the
    caller's to check. Raises InputError naming `where`.
    """
    reader = _Reader(stream, where)
    primary = reader.primary_descriptor()
    size = _both(primary[_SPACE_SIZE : _SPACE_SIZE + 4], primary[_SPACE_SIZE + 4 : _SPACE_SIZE + 8], where)
    root = _record(primary[_ROOT_RECORD], where)
    if not root.flags & _DIRECTORY:
        raise InputError(f"{where}: the root is no directory")
    return Volume(size * SECTOR, tuple(sorted(reader.walk(root), key=lambda entry: entry.path)))


class _Reader:
    """The image under the walk, with what bounds it."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where = stream, where
        self._seen: set[int] = set()
        self._budget = _MAX_DIRECTORY_BYTES

    def primary_descriptor(self) -> bytes:
        """The primary volume descriptor; further ones must be copies of it (ECMA-119 6.7.1.1)."""
        primary = self._read(SYSTEM_AREA, SECTOR, "volume descriptor")
        if primary[:7] != bytes([_PRIMARY]) + _IDENTIFIER + b"\1":
            raise InputError(f"{self._where}: no primary volume descriptor at byte {SYSTEM_AREA}")
        if primary[_BLOCK_SIZE : _BLOCK_SIZE + 4] != struct.pack("<H", SECTOR) + struct.pack(">H", SECTOR):
            raise InputError(f"{self._where}: the logical block size is not {SECTOR}")
        for number in range(1, _MAX_DESCRIPTORS):
            descriptor = self._read(SYSTEM_AREA + number * SECTOR, SECTOR, "volume descriptor")
            if descriptor[:7] == bytes([_TERMINATOR]) + _IDENTIFIER + b"\1":
                return primary
            if descriptor != primary:
                raise InputError(
                    f"{self._where}: volume descriptor {number} (type {descriptor[0]}) is neither a copy "
                    "of the first nor the end"
                )
        raise InputError(f"{self._where}: more than {_MAX_DESCRIPTORS} volume descriptors")

    def walk(self, root: _Record) -> Iterator[Entry]:
        """The files below the root, directory by directory."""
        pending = [("", 1, root)]
        names: set[str] = set()
        while pending:
            folder, depth, record = pending.pop()
            if depth > MAX_DEPTH:
                raise InputError(f"{self._where}: {folder} is nested more than {MAX_DEPTH} levels deep")
            for child in _files_joined(self._children(record), self._where):
                path = folder + child.name
                if path in names or len(names) >= _MAX_DIRECTORIES + MAX_FILES:
                    raise InputError(f"{self._where}: {path} stands twice, or there are too many names")
                names.add(path)
                if child.flags & _DIRECTORY:
                    pending.append((f"{path}/", depth + 1, child))
                else:
                    yield Entry(path, child.offset, child.size)

    def _children(self, folder: _Record) -> Iterator[_Record]:
        """The records of a directory, but for those of itself and its parent."""
        if folder.offset in self._seen:
            raise InputError(f"{self._where}: directory at byte {folder.offset} is reached twice")
        self._seen.add(folder.offset)
        self._budget -= folder.size
        if self._budget < 0 or folder.size % SECTOR or not folder.size:
            raise InputError(f"{self._where}: directory at byte {folder.offset} has {folder.size} bytes")
        for start in range(folder.offset, folder.offset + folder.size, SECTOR):
            sector = self._read(start, SECTOR, "directory")
            position = 0
            while position < SECTOR and sector[position]:
                data = sector[position : position + sector[position]]
                record = _record(data, f"{self._where}: directory record at byte {start + position}")
                if record.identifier not in (_SELF, _PARENT):
                    yield record
                position += sector[position]

    def _read(self, offset: int, size: int, what: str) -> bytes:
        self._stream.seek(offset)
        data = self._stream.read(size)
        if len(data) < size:
            raise InputError(f"{self._where}: ends inside the {what} at byte {offset}")
        return data


def _files_joined(records: Iterator[_Record], where: str) -> Iterator[_Record]:
    """Directory records with the extents of one large file made one (ECMA-119 6.5.1)."""
    first: _Record | None = None
    size = 0
    for record in records:
        if first is None:
            first, size = record, 0
        elif (record.identifier, record.name) != (first.identifier, first.name):
            raise InputError(f"{where}: the extents of {first.name} do not follow each other")
        if record.offset != first.offset + size:
            raise InputError(f"{where}: the extents of {first.name} have a gap")
        size += record.size
        if record.flags & _MORE_EXTENTS:
            continue
        yield _Record(first.identifier, first.name, first.offset, size, record.flags)
        first = None
    if first is not None:
        raise InputError(f"{where}: the last extent of {first.name} is missing")


def _record(data: bytes, where: str) -> _Record:
    if len(data) < _RECORD.size + 1 or data[0] != len(data):
        raise InputError(f"{where}: cut off")
    _, attributes, low, high, small, large, _, flags, unit, gap, volume, length = _RECORD.unpack_from(data)
    if attributes or unit or gap or flags not in (0, _DIRECTORY, _MORE_EXTENTS) or volume != b"\1\0\0\1":
        raise InputError(f"{where}: has attributes that no file of a package has")
    identifier = data[_RECORD.size : _RECORD.size + length]
    area = data[_RECORD.size + length + (length + 1) % 2 :]
    if not length or len(identifier) < length:
        raise InputError(f"{where}: cut off")
    name = "" if identifier in (_SELF, _PARENT) else _rock_ridge_name(area, flags, where)
    offset, size = _both(low, high, where) * SECTOR, _both(small, large, where)
    return _Record(identifier, name, offset, size, flags)


def _rock_ridge_name(area: bytes, flags: int, where: str) -> str:
    """The name (NM) in the system use area of a record; the file type in its mode (PX) must fit."""
    name: str | None = None
    mode: int | None = None
    for signature, body in _system_use(area, where):
        if signature == b"NM" and name is None and body[:1] == b"\0":
            name = _name(body[1:], where)
        elif signature == b"PX" and mode is None and len(body) >= 32:
            mode = _both(body[:4], body[4:8], where)
        elif signature not in _IGNORED_ENTRIES:
            raise InputError(f"{where}: unexpected Rock Ridge entry {signature!r}")
    if name is None or mode is None:
        raise InputError(f"{where}: has no Rock Ridge name or no mode")
    if mode & _TYPE_MASK != (_FOLDER if flags & _DIRECTORY else _REGULAR):
        raise InputError(f"{where}: {name} is neither a file nor a directory (mode {mode:o})")
    return name


def _system_use(area: bytes, where: str) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a system use area: signature and body (SUSP 4)."""
    position = 0
    while len(area) - position >= 4:
        length = area[position + 2]
        if length < 4 or position + length > len(area) or area[position + 3] != 1:
            raise InputError(f"{where}: cut off in its Rock Ridge entries")
        yield area[position : position + 2], area[position + 4 : position + length]
        position += length


def _name(data: bytes, where: str) -> str:
    try:
        name = data.decode("ascii")
    except UnicodeDecodeError as exc:
        raise InputError(f"{where}: the name {data[:80]!r} is not ASCII") from exc
    if name in ("", ".", "..") or "/" in name:
        raise InputError(f"{where}: {name!r} is no name")
    return name


def _both(little: bytes, big: bytes, where: str) -> int:
    """A number that stands in both byte orders (ECMA-119 7.3.3)."""
    if little != big[::-1]:
        raise InputError(f"{where}: the two byte orders of a number disagree")
    return int.from_bytes(little, "little")
