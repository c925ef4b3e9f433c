"""The file tree of an app: entries in bytewise path order (docs/formats.md section 2.4).

A tree is what the layers of an image merge into and what a root file system image holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from olos.extent import Extent


class FileType(Enum):
    """Kind of an entry; the value is the letter that the tree root hashes."""

    DIRECTORY = "d"
    REGULAR = "f"
    SYMLINK = "l"
    CHARACTER = "c"
    BLOCK = "b"
    FIFO = "p"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of file content: `extent` holds bytes `offset … offset + extent.size` of the file."""

    offset: int
    extent: Extent


@dataclass(frozen=True, slots=True)
class Inode:
    """What the names of a file share. Sizes in bytes, mtime in seconds, mode without type.

    `content` are the runs of a regular file in order; between them are zeros.
    `xattrs` are sorted by name; `size` is 0 but for regular files and symlinks.
    """

    type: FileType
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    content: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. `link` is the first name of its hard link group, empty if it has one name only.

    `path` has no leading slash; the root's is empty. Names of one group share one Inode object.
    """

    path: bytes
    inode: Inode
    link: bytes = b""


@dataclass(frozen=True)
class Tree:
    """All entries in bytewise path order, the root directory first."""

    entries: tuple[Entry, ...]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)
