"""Records of an EROFS image, parsed and checked from bytes that anyone may have written.

Only what the writer of `olos-rootfs-1` would have written is accepted (docs/formats.md section 2.1).
"""

from __future__ import annotations

import stat
from dataclasses import dataclass

from olos import erofs_format as fmt
from olos.tree import FileType

_FILE_TYPES = {value: type_ for type_, value in fmt.DIRENT_TYPES.items()}


class DefectError(ValueError):
    """Bytes that no writer of this format writes. The reader turns it into an InputError."""


def require(condition: bool, text: str) -> None:
    """Raise DefectError with `text` unless `condition` holds."""
    if not condition:
        raise DefectError(text)


@dataclass(frozen=True, slots=True)
class Superblock:
    """What is no constant in a superblock, but for the checksum; `root` is an inode number."""

    root: int
    inodes: int
    blocks: int


@dataclass(frozen=True, slots=True)
class InodeRecord:
    """An inode as it lies on disk: `tail` bytes of content follow it, `block` is its first data block."""

    number: int
    type: FileType
    mode: int
    uid: int
    gid: int
    mtime: int
    nlink: int
    size: int
    block: int
    device: tuple[int, int]
    xattrs_size: int
    tail: int

    @property
    def fixed(self) -> int:
        """Bytes of the inode with its xattrs, without inline content."""
        return fmt.INODE.size + self.xattrs_size

    @property
    def blocks(self) -> int:
        """Number of data blocks."""
        return fmt.data_blocks(self.size, self.tail)


@dataclass(frozen=True, slots=True)
class Dirent:
    """A name in a directory."""

    name: bytes
    nid: int
    type: FileType


def parse_superblock(first_block: bytes) -> Superblock:
    """Check the first block of an image: zeros, then the superblock. Raises DefectError."""
    require(not any(first_block[: fmt.SUPERBLOCK_OFFSET]), "bytes before the superblock are not zero")
    stored = first_block[fmt.SUPERBLOCK_OFFSET : fmt.FIRST_INODE]
    values = fmt.SUPERBLOCK.unpack(stored)
    require(values[0] == fmt.MAGIC, "no EROFS superblock")
    root, inodes, blocks = values[5], values[6], values[9]
    expected = fmt.superblock(root, inodes, blocks, first_block)
    require(
        stored == expected, "the superblock has a wrong checksum, or fields that olos-rootfs-1 does not use"
    )
    return Superblock(root, inodes, blocks)


def parse_inode(data: bytes) -> InodeRecord:
    """The inode in 64 bytes. Raises DefectError."""
    (layout, xattr_count, mode, reserved, size, union, number, uid, gid, mtime, nsec, nlink, reserved2) = (
        fmt.INODE.unpack(data)
    )
    type_ = fmt.TYPES.get(stat.S_IFMT(mode))
    if type_ is None:
        raise DefectError(f"unknown file type {stat.S_IFMT(mode):#o}")
    require(reserved == 0 and nsec == 0 and not any(reserved2), "reserved fields are not zero")
    require(xattr_count != 1, "an xattr area without xattrs")
    require(mtime <= fmt.MAX_MTIME, f"mtime {mtime} is out of range")
    xattrs_size = fmt.XATTR_HEADER.size + fmt.XATTR_ALIGN * (xattr_count - 1) if xattr_count else 0
    tail = fmt.inline_tail(fmt.INODE.size + xattrs_size, size)
    require(
        layout == (fmt.FORMAT_INLINE if tail else fmt.FORMAT_PLAIN), f"layout {layout:#x} is not expected"
    )
    device = fmt.decode_device(union) if type_ in fmt.DEVICES else (0, 0)
    block = 0 if type_ in fmt.DEVICES else union
    record = InodeRecord(
        number, type_, stat.S_IMODE(mode), uid, gid, mtime, nlink, size, block, device, xattrs_size, tail
    )
    _check_inode(record)
    return record


def _check_inode(record: InodeRecord) -> None:
    if record.type is FileType.DIRECTORY:
        require(record.size > 0, "a directory without entries")
        require(record.nlink >= 2, f"a directory with {record.nlink} links")
    elif record.type is FileType.SYMLINK:
        require(0 < record.size <= fmt.MAX_TARGET, f"a symlink target of {record.size} bytes")
    elif record.type is not FileType.REGULAR:
        require(record.size == 0, "a special file with content")
    require(record.nlink > 0, "an inode without a name")
    require(record.blocks > 0 or record.block == 0, "a block address without blocks")


def parse_xattrs(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Full names and values of an xattr area, sorted by full name. Raises DefectError."""
    header = fmt.XATTR_HEADER
    require(data[: header.size] == bytes(header.size), "shared xattrs or a name filter")
    result: list[tuple[bytes, bytes]] = []
    before = (0, b"")
    position = header.size
    while position < len(data):
        key, value, position = _parse_xattr(data, position)
        require(key > before, "xattrs are not in order")
        before = key
        result.append((fmt.XATTR_PREFIXES[key[0]] + key[1], value))
    return tuple(sorted(result))


def _parse_xattr(data: bytes, position: int) -> tuple[tuple[int, bytes], bytes, int]:
    name_length, index, value_size = fmt.XATTR_ENTRY.unpack_from(data, position)
    start = position + fmt.XATTR_ENTRY.size
    end = start + name_length + value_size
    after = fmt.align(end, fmt.XATTR_ALIGN)
    require(after <= len(data), "an xattr runs out of its area")
    require(not any(data[end:after]), "xattr padding is not zero")
    name = data[start : start + name_length]
    require(fmt.is_kept_xattr(index, name), f"xattr {index}:{name!r} is not one that an image keeps")
    return (index, name), data[start + name_length : end], after


def parse_dirents(block: bytes, *, last: bool) -> list[Dirent]:
    """The entries of one directory block; all but the last are padded with zeros. Raises DefectError.

    The order of names is checked within the block.
    """
    require(len(block) >= fmt.DIRENT.size, "a directory block without entries")
    names_start = fmt.DIRENT.unpack_from(block)[1]
    count, rest = divmod(names_start, fmt.DIRENT.size)
    require(rest == 0 and count > 0 and names_start < len(block), "a wrong number of directory entries")
    used = block if last else block.rstrip(b"\0")
    records = [fmt.DIRENT.unpack_from(block, i * fmt.DIRENT.size) for i in range(count)]
    bounds = [*(record[1] for record in records), len(used)]
    result: list[Dirent] = []
    before = b""
    for (nid, start, type_value, reserved), end in zip(records, bounds[1:], strict=True):
        require(start < end <= len(used), "directory names are not one behind the other")
        name = used[start:end]
        require(before < name, "directory names are not in order")
        require(_is_name(name), f"{name!r} is no file name")
        require(reserved == 0 and type_value in _FILE_TYPES, "a directory entry without a file type")
        result.append(Dirent(name, nid, _FILE_TYPES[type_value]))
        before = name
    return result


def _is_name(name: bytes) -> bool:
    return 0 < len(name) <= fmt.MAX_NAME and b"/" not in name and b"\0" not in name


def dirents_fit(names: list[bytes]) -> bool:
    """Whether one directory block has room for these names."""
    return sum(map(len, names)) + fmt.DIRENT.size * len(names) <= fmt.BLOCK
