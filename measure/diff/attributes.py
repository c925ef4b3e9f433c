"""The attributes of an entry: all that its leaf covers but the path (docs/formats.md section 2.3)."""

from __future__ import annotations

from collections.abc import Iterator

from measure.diff.model import Attribute
from olos import erofs_format as fmt
from olos.digest import Digest
from olos.spelling import spell
from olos.tree import Entry, FileType

TYPE_NAMES = {
    FileType.DIRECTORY: "directory",
    FileType.REGULAR: "file",
    FileType.SYMLINK: "symlink",
    FileType.CHARACTER: "character device",
    FileType.BLOCK: "block device",
    FileType.FIFO: "fifo",
}

_SHOWN_XATTR = 256
"""Bytes of the value of an xattr that are shown; more are counted."""


def differing(
    old: tuple[Entry, Digest | None] | None, new: tuple[Entry, Digest | None] | None
) -> tuple[Attribute, ...]:
    """The attributes that differ between two entries of one path, of which one may be missing."""
    before = dict(_attributes(*old)) if old else {}
    after = dict(_attributes(*new)) if new else {}
    return tuple(
        Attribute(name, before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )


def _attributes(entry: Entry, content: Digest | None) -> Iterator[tuple[str, str]]:
    inode = entry.inode
    yield "type", TYPE_NAMES[inode.type]
    yield "mode", f"{inode.mode:04o}"
    yield "uid", str(inode.uid)
    yield "gid", str(inode.gid)
    yield "mtime", str(inode.mtime)
    if content is not None:
        yield "size", str(inode.size)
        yield "content", content.hex
    elif inode.type is FileType.SYMLINK:
        yield "target", spell(inode.target)
    elif inode.type in fmt.DEVICES:
        yield "device", f"{inode.device[0]}:{inode.device[1]}"
    if entry.link:
        yield "hard link group", f"/{spell(entry.link)}"
    for name, value in inode.xattrs:
        yield f"xattr {spell(name)}", _xattr(value)


def _xattr(value: bytes) -> str:
    if len(value) <= _SHOWN_XATTR:
        return value.hex()
    return f"{len(value)} bytes with sha256 {Digest.sha256(value).hex}"
