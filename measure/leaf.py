"""Leaves of the tree root: what one entry of a file tree hashes to (docs/formats.md section 2.3).

`decode` accepts what `encode` writes for an entry that an image can hold, and nothing else.
"""

from __future__ import annotations

import struct
from typing import Any

from olos import erofs_format as fmt
from olos.digest import Digest
from olos.tree import Entry, FileType, Inode
from olos.verity import DIGEST_SIZE

_MAGIC = b"olos-entry-1\n"
_FIXED = struct.Struct("<cHIIQ")  # type, mode, uid, gid, mtime
_TYPES = {type_.value.encode(): type_ for type_ in FileType}
_LENGTH = struct.Struct("<I")
_SIZE = struct.Struct("<Q")
_DEVICE = struct.Struct("<II")
_MAX_MODE = 0o7777

_XATTR_GROWTH = 17 / 8
"""Bytes of a leaf per byte of the xattr area, at most: `user.` and four bytes of name and value are 8 bytes
there and 17 in a leaf."""
_ACL_NAMES = 2 * 32
"""What the full names of ACLs, which an image does not store, add to that."""
MAX_LEAF = (
    len(_MAGIC)
    + _FIXED.size
    + _SIZE.size
    + 4 * _LENGTH.size  # path, link, target, number of xattrs
    + 2 * fmt.MAX_PATH
    + fmt.MAX_TARGET
    + int(fmt.MAX_XATTRS_SIZE * _XATTR_GROWTH)
    + _ACL_NAMES
)
"""No leaf of an entry that an image can hold has more bytes."""


def encode(entry: Entry, content: Digest | None) -> bytes:
    """The bytes of the leaf of an entry; `content` is the fs-verity digest, of regular files only."""
    inode = entry.inode
    assert (content is not None) == (inode.type is FileType.REGULAR)
    parts = [
        _MAGIC,
        _counted(entry.path),
        _FIXED.pack(inode.type.value.encode(), inode.mode, inode.uid, inode.gid, inode.mtime),
        _counted(entry.link),
        _SIZE.pack(inode.size),
    ]
    if content is not None:
        parts.append(content.value)
    elif inode.type is FileType.SYMLINK:
        parts.append(_counted(inode.target))
    elif inode.type in fmt.DEVICES:
        parts.append(_DEVICE.pack(*inode.device))
    parts.append(_LENGTH.pack(len(inode.xattrs)))
    for name, value in inode.xattrs:
        parts += [_counted(name), _counted(value)]
    return b"".join(parts)


def _counted(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def is_path(path: bytes) -> bool:
    """Whether an image can have an entry with this path: normal, without leading slash; empty is the root."""
    names = path.split(b"/") if path else []
    return (
        len(path) <= fmt.MAX_PATH
        and b"\0" not in path
        and all(0 < len(name) <= fmt.MAX_NAME and name not in (b".", b"..") for name in names)
    )


def decode(leaf: bytes) -> tuple[Entry, Digest | None]:
    """The entry of a leaf, without its content, and the fs-verity digest if it is a regular file.

    Raises ValueError for anything but the one encoding of an entry that an image can hold.
    """
    _require(len(leaf) <= MAX_LEAF, f"{len(leaf)} bytes, more than the limit of {MAX_LEAF}")
    reader = _Reader(leaf)
    _require(reader.take(len(_MAGIC)) == _MAGIC, "does not begin with olos-entry-1")
    path = reader.counted(fmt.MAX_PATH, "a path")
    letter, mode, uid, gid, mtime = reader.fields(_FIXED)
    _require(letter in _TYPES, f"unknown type {letter!r}")
    type_ = _TYPES[letter]
    link = reader.counted(fmt.MAX_PATH, "a path")
    size: int = reader.fields(_SIZE)[0]
    content = Digest("sha256", reader.take(DIGEST_SIZE)) if type_ is FileType.REGULAR else None
    target = reader.counted(fmt.MAX_TARGET, "a symlink target") if type_ is FileType.SYMLINK else b""
    major, minor = reader.fields(_DEVICE) if type_ in fmt.DEVICES else (0, 0)
    xattrs = _xattrs(reader)
    reader.end()
    inode = Inode(type_, mode, uid, gid, mtime, size, target, (major, minor), xattrs)
    _check_names(path, link, type_)
    _check_inode(inode)
    return Entry(path, inode, link), content


class _Reader:
    """Takes the fields of a leaf one behind the other. All methods raise ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def take(self, length: int) -> bytes:
        start, self._position = self._position, self._position + length
        _require(self._position <= len(self._data), "ends too early")
        return self._data[start : self._position]

    def fields(self, record: struct.Struct) -> tuple[Any, ...]:
        return record.unpack(self.take(record.size))

    def number(self) -> int:
        value: int = self.fields(_LENGTH)[0]
        return value

    def counted(self, limit: int, what: str) -> bytes:
        length = self.number()
        _require(length <= limit, f"{what} of {length} bytes")
        return self.take(length)

    def end(self) -> None:
        extra = len(self._data) - self._position
        _require(extra == 0, f"{extra} bytes behind its end")


def _xattrs(reader: _Reader) -> tuple[tuple[bytes, bytes], ...]:
    result: list[tuple[bytes, bytes]] = []
    area = fmt.XATTR_HEADER.size
    before = b""
    for _ in range(reader.number()):  # ends with the leaf, whatever the number says
        name = reader.counted(fmt.MAX_NAME, "the name of an xattr")
        value = reader.counted(fmt.MAX_XATTR_VALUE, "the value of an xattr")
        _require(before < name, "xattrs are not in order")
        before = name
        _, stored = fmt.xattr_index(name)
        area += fmt.align(fmt.XATTR_ENTRY.size + len(stored) + len(value), fmt.XATTR_ALIGN)
        result.append((name, value))
    _require(area <= fmt.MAX_XATTRS_SIZE, f"xattrs that need {area} bytes")
    return tuple(result)


def _check_names(path: bytes, link: bytes, type_: FileType) -> None:
    _require(is_path(path), "its path is not in normal form")
    _require(is_path(link), "the path of a hard link is not in normal form")
    _require(bool(path) or type_ is FileType.DIRECTORY, "the root is not a directory")
    _require(link <= path, "the first name of a hard link comes behind it")
    _require(not link or type_ is not FileType.DIRECTORY, "a directory with hard links")


def _check_inode(inode: Inode) -> None:
    _require(inode.mode <= _MAX_MODE, f"mode {inode.mode:o}")
    _require(inode.mtime <= fmt.MAX_MTIME, f"mtime {inode.mtime}")
    _require(inode.size <= fmt.MAX_BLOCKS * fmt.BLOCK, f"size {inode.size}")
    major, minor = inode.device
    _require(major <= fmt.MAX_MAJOR and minor <= fmt.MAX_MINOR, f"device {major},{minor}")
    if inode.type is FileType.SYMLINK:
        _require(inode.size == len(inode.target) > 0, "a symlink whose size is not that of its target")
        _require(b"\0" not in inode.target, "a symlink target with a NUL")
    elif inode.type is not FileType.REGULAR:
        _require(inode.size == 0, "a size where there is no content")


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)
