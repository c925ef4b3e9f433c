"""cpio archives in the newc format (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`).

Every field that is not content is fixed (docs/formats.md section 3), so that the bytes depend on names,
modes and contents only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_DIRECTORY = 0o040755
_REGULAR = 0o100000
_MAGIC = b"070701"
_TRAILER = b"TRAILER!!!"
_BLOCK = 512


@dataclass(frozen=True)
class Member:
    """A regular file; missing parent directories are written before it."""

    name: str
    mode: int
    content: bytes


def archive(members: Iterable[Member]) -> bytes:
    """The bytes of an archive of `members` in the given order."""
    parts: list[bytes] = []
    seen: set[str] = set()
    inode = 0
    for member in members:
        for parent in _parents(member.name):
            if parent not in seen:
                seen.add(parent)
                inode += 1
                parts.append(_record(parent.encode(), inode, _DIRECTORY, 2, b""))
        inode += 1
        parts.append(_record(member.name.encode(), inode, _REGULAR | member.mode, 1, member.content))
    parts.append(_record(_TRAILER, 0, 0, 1, b""))
    data = b"".join(parts)
    return data + bytes(-len(data) % _BLOCK)


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _record(name: bytes, inode: int, mode: int, nlink: int, content: bytes) -> bytes:
    # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    fields = (inode, mode, 0, 0, nlink, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = _MAGIC + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)
