"""Reader of root file system images (docs/formats.md section 2.1).

It accepts what the writer writes and nothing else. Nothing recurses, and memory grows with the number of
hard link groups only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from olos import erofs_format as fmt
from olos.content import open_content
from olos.erofs_nodes import Nodes
from olos.erofs_records import DefectError, parse_superblock, require
from olos.erofs_walk import Walk
from olos.errors import InputError
from olos.extent import Extent
from olos.layout import ROOTFS
from olos.tree import Entry, FileType


def image_name(extent: Extent) -> str:
    """What messages call the image: its file, and what it is where that does not say so."""
    return str(extent.path) if extent.path.name == ROOTFS else f"{extent.path}: {ROOTFS}"


class Image:
    """The EROFS image in the first `image_size` bytes of an extent. Entries point into the same file."""

    def __init__(self, extent: Extent, image_size: int) -> None:
        """Open the file and check the superblock. Raises InputError."""
        self._where = image_name(extent)
        if image_size % fmt.BLOCK or not fmt.MIN_BLOCKS * fmt.BLOCK <= image_size <= extent.size:
            raise InputError(f"{self._where}: {image_size} of {extent.size} bytes cannot be an image")
        self._nodes = Nodes(Extent(extent.path, extent.offset, image_size))
        try:
            self._superblock = parse_superblock(self._nodes.read(0, fmt.BLOCK))
            require(self._superblock.blocks * fmt.BLOCK == image_size, "it is for an image of another size")
        except DefectError as exc:
            self.close()
            raise InputError(f"{self._where}: superblock: {exc}") from exc

    def close(self) -> None:
        """Close the file. Entries stay valid."""
        self._nodes.close()

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self) -> Iterator[Entry]:
        """All entries in bytewise path order. Raises InputError at the first place that is wrong.

        Only when the last one has been taken the whole of the metadata is known to be right.
        """
        walk = Walk(self._nodes, self._superblock)
        try:
            while (entry := walk.step()) is not None:
                yield entry
        except DefectError as exc:
            raise InputError(f"{self._where}: near {walk.path!r}: {exc}") from exc

    def find(self, path: bytes) -> Entry:
        """The entry at `path` (no leading slash, the root's is empty; symlinks are not followed).

        Raises InputError if there is none, or if the image is wrong on the way.
        """
        try:
            entry = self._find(path)
        except DefectError as exc:
            raise InputError(f"{self._where}: on the way to {path!r}: {exc}") from exc
        if entry is None:
            raise InputError(f"{self._where}: there is no /{path.decode(errors='backslashreplace')}")
        return entry

    def _find(self, path: bytes) -> Entry | None:
        nid = parent = self._superblock.root
        record = self._nodes.record(nid)
        for name in path.split(b"/") if path else ():
            if record.type is not FileType.DIRECTORY:
                return None
            names = self._nodes.names(nid, record, parent)
            found = next((entry for entry in names if entry.name == name), None)
            if found is None:
                return None
            parent, nid = nid, found.nid
            record = self._nodes.record(nid)
            require(record.type is found.type, "a directory entry of another type than its inode")
        if record.type is FileType.DIRECTORY or record.nlink == 1:
            return Entry(path, self._nodes.inode(nid, record))
        # Only a walk knows the first name of a hard link group.
        return next((entry for entry in self.entries() if entry.path == path), None)

    def open(self, path: bytes) -> BinaryIO:
        """The content of the regular file at `path`. Raises InputError if it is none."""
        entry = self.find(path)
        if entry.inode.type is not FileType.REGULAR:
            raise InputError(f"{self._where}: {path!r} is not a regular file")
        return open_content(entry.inode)
