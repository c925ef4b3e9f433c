"""Inodes and directories of an EROFS image, read one at a time and checked each by itself.

Bytes come through a small cache; memory does not grow with the image. How the parts fit together is
checked by `olos.erofs_walk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from olos import erofs_format as fmt
from olos.erofs_records import (
    DefectError,
    Dirent,
    InodeRecord,
    dirents_fit,
    parse_dirents,
    parse_inode,
    parse_xattrs,
    require,
)
from olos.extent import Extent
from olos.tree import FileType, Inode, Segment

_CHUNK = 1 << 16
_CHUNKS = 64


class Nodes:
    """The image in an extent. Every method raises DefectError for bytes that no writer would have written."""

    def __init__(self, extent: Extent) -> None:
        """Open the file. Raises InputError if that fails."""
        self._extent = extent
        self._stream = extent.open()
        self._chunk = lru_cache(_CHUNKS)(self._read_chunk)

    def close(self) -> None:
        """Close the file; inodes that were read stay valid."""
        self._stream.close()

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the image."""
        require(start + length <= self._extent.size, "an offset behind the end of the image")
        first, last = start // _CHUNK, max(start, start + length - 1) // _CHUNK
        data = self._chunk(first)
        if last > first:
            data = b"".join(map(self._chunk, range(first, last + 1)))
        data = data[start % _CHUNK :][:length]
        require(len(data) == length, "the file became shorter while it was read")
        return data

    def _read_chunk(self, index: int) -> bytes:
        try:
            self._stream.seek(index * _CHUNK)
            return self._stream.read(_CHUNK)
        except OSError as exc:
            raise DefectError(f"cannot be read: {exc.strerror}") from exc

    def record(self, nid: int) -> InodeRecord:
        """The inode with this number."""
        record = parse_inode(self.read(nid * fmt.SLOT, fmt.INODE.size))
        end = (record.block + record.blocks) * fmt.BLOCK
        require(end <= self._extent.size, "data blocks behind the end of the image")
        return record

    def inode(self, nid: int, record: InodeRecord) -> Inode:
        """What a tree says of an inode; its content points into the file of the image."""
        xattrs = target = b""
        content: tuple[Segment, ...] = ()
        if record.xattrs_size:
            xattrs = self.read(nid * fmt.SLOT + fmt.INODE.size, record.xattrs_size)
        if record.type is FileType.SYMLINK:
            target = b"".join(self.read(start, length) for _, start, length in _runs(nid, record))
            require(b"\0" not in target, "a symlink target with a NUL")
        elif record.type is FileType.REGULAR:
            content = tuple(self._segment(*run) for run in _runs(nid, record))
        return Inode(
            type=record.type,
            mode=record.mode,
            uid=record.uid,
            gid=record.gid,
            mtime=record.mtime,
            size=0 if record.type is FileType.DIRECTORY else record.size,
            target=target,
            device=record.device,
            xattrs=parse_xattrs(xattrs) if xattrs else (),
            content=content,
        )

    def _segment(self, offset: int, start: int, length: int) -> Segment:
        return Segment(offset, Extent(self._extent.path, self._extent.offset + start, length))

    def names(self, nid: int, record: InodeRecord, parent: int) -> Iterator[Dirent]:
        """The names in a directory, in order, without `.` and `..`, which are checked."""
        own = {b".": nid, b"..": parent}
        before: list[Dirent] = []
        for index in range(-(-record.size // fmt.BLOCK)):
            last = (index + 1) * fmt.BLOCK >= record.size
            dirents = parse_dirents(self._directory_block(nid, record, index), last=last)
            if before:
                require(before[-1].name < dirents[0].name, "directory names are not in order")
                filled = not dirents_fit([entry.name for entry in (*before, dirents[0])])
                require(filled, "a directory block that is not full")
            for entry in dirents:
                if entry.name not in own:
                    yield entry
                else:
                    right = entry.type is FileType.DIRECTORY and entry.nid == own.pop(entry.name)
                    require(right, f"{entry.name!r} points elsewhere")
            before = dirents
        require(not own, "a directory without . or ..")

    def _directory_block(self, nid: int, record: InodeRecord, index: int) -> bytes:
        length = min(fmt.BLOCK, record.size - index * fmt.BLOCK)
        if record.tail and length < fmt.BLOCK:
            return self.read(nid * fmt.SLOT + record.fixed, length)
        return self.read((record.block + index) * fmt.BLOCK, length)


def _runs(nid: int, record: InodeRecord) -> Iterator[tuple[int, int, int]]:
    """The runs of content: offset in the content, offset in the image, length."""
    whole = record.size - record.tail
    if whole:
        yield 0, record.block * fmt.BLOCK, whole
    if record.tail:
        yield whole, nid * fmt.SLOT + record.fixed, record.tail
