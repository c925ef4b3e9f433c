"""Leaves of the tree root: what one entry of a file tree hashes to (docs/formats.md section 2.3)."""

from __future__ import annotations

import struct

from olos.digest import Digest
from olos.tree import Entry, FileType

_MAGIC = b"olos-entry-1\n"
_FIXED = struct.Struct("<cHIIQ")  # type, mode, uid, gid, mtime
_DEVICES = frozenset({FileType.CHARACTER, FileType.BLOCK})


def encode(entry: Entry, content: Digest | None) -> bytes:
    """The bytes of the leaf of an entry; `content` is the fs-verity digest, of regular files only."""
    inode = entry.inode
    assert (content is not None) == (inode.type is FileType.REGULAR)
    parts = [
        _MAGIC,
        _counted(entry.path),
        _FIXED.pack(inode.type.value.encode(), inode.mode, inode.uid, inode.gid, inode.mtime),
        _counted(entry.link),
        struct.pack("<Q", inode.size),
    ]
    if content is not None:
        parts.append(content.value)
    elif inode.type is FileType.SYMLINK:
        parts.append(_counted(inode.target))
    elif inode.type in _DEVICES:
        parts.append(struct.pack("<II", *inode.device))
    parts.append(struct.pack("<I", len(inode.xattrs)))
    for name, value in inode.xattrs:
        parts += [_counted(name), _counted(value)]
    return b"".join(parts)


def _counted(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data
