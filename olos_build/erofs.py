"""Writer of root file system images (docs/formats.md section 2.1): the bytes depend on the tree alone.

Inodes and data are written side by side in one pass over the tree, small pieces gathered into runs, large
files copied by the kernel. Memory grows with the number of entries, not with what is in the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from olos import erofs_format as fmt
from olos.extent import Extent
from olos.progress import Progress, Task
from olos.tree import FileType, Tree
from olos.write_at import write_at
from olos_build.erofs_plan import Node, Plan, directory_blocks, plan
from olos_build.sources import Sources, runs

_GATHER = 1 << 20
"""Runs of this many bytes are written out."""
_SMALL = 1 << 18
"""Contents up to this size are read; larger ones are copied without passing through this process."""
_STEP = 1 << 24
"""Bytes that are copied between two reports of progress."""


def write(tree: Tree, out: BinaryIO, progress: Progress) -> int:
    """Make `out`, a file open for reading and writing, the image of a tree; returns its size in bytes.

    Raises InputError for what the format cannot hold or what cannot be read, ValueError for a tree that
    is none, OSError if `out` cannot be written.
    """
    layout = plan(tree)
    size = layout.blocks * fmt.BLOCK
    out.flush()
    out.truncate(0)  # What is not written below is zeros.
    total = sum(node.size for node in layout.nodes)
    with progress.task("writing the root file system", total, "B") as task, Sources() as sources:
        _Writer(out.fileno(), sources, task).write(layout)
    out.truncate(size)
    _write_superblock(out.fileno(), layout)
    out.seek(size)
    return size


def _write_superblock(descriptor: int, layout: Plan) -> None:
    first_block = os.pread(descriptor, fmt.BLOCK, 0)
    record = fmt.superblock(layout.nodes[0].nid, len(layout.nodes), layout.blocks, first_block)
    write_at(descriptor, record, fmt.SUPERBLOCK_OFFSET)


class _Run:
    """Pieces of output in rising order, gathered; gaps between them stay zeros."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._start, self._data = descriptor, 0, bytearray()

    def put(self, position: int, data: bytes) -> None:
        gap = position - self._start - len(self._data)
        if len(self._data) + gap > _GATHER:
            self.flush()
            gap = 0
        if not self._data:
            self._start, gap = position, 0
        self._data += bytes(gap) + data

    def flush(self) -> None:
        write_at(self._descriptor, self._data, self._start)
        self._data.clear()


class _Writer:
    def __init__(self, descriptor: int, sources: Sources, task: Task) -> None:
        self._descriptor, self._sources, self._task = descriptor, sources, task
        self._inodes, self._data = _Run(descriptor), _Run(descriptor)

    def write(self, layout: Plan) -> None:
        """Write everything but the superblock."""
        for number, node in enumerate(layout.nodes, start=1):
            self._inodes.put(node.start, _inode(node, number) + node.xattrs)
            if node.size > _SMALL and node.inode.type is FileType.REGULAR:
                self._copy(node)
            elif node.size:
                self._put(node, self._content(node))
                self._task.advance(node.size)
        self._inodes.flush()
        self._data.flush()

    def _put(self, node: Node, content: bytes) -> None:
        whole = node.size - node.tail
        if whole:
            self._data.put(node.block * fmt.BLOCK, content[:whole])
        if node.tail:
            self._inodes.put(node.start + node.fixed, content[whole:])

    def _content(self, node: Node) -> bytes:
        """The content of a small file, a symlink or a directory."""
        if node.inode.type is FileType.DIRECTORY:
            return b"".join(_directory(node))
        if node.inode.type is FileType.SYMLINK:
            return node.inode.target
        return self._read(node, 0)

    def _read(self, node: Node, start: int) -> bytes:
        """The content of a file from `start` on."""
        content = bytearray(node.size - start)
        for offset, extent in runs(node.inode, start, node.size):
            content[offset - start : offset - start + extent.size] = self._sources.read(extent)
        return bytes(content)

    def _copy(self, node: Node) -> None:
        """Write a large file: blocks by the kernel, the tail as with small ones."""
        self._data.flush()
        whole = node.size - node.tail
        for offset, extent in runs(node.inode, 0, whole):
            self._copy_extent(extent, node.block * fmt.BLOCK + offset)
        self._task.advance(node.size - sum(extent.size for _, extent in runs(node.inode, 0, whole)))
        if node.tail:
            self._inodes.put(node.start + node.fixed, self._read(node, whole))

    def _copy_extent(self, extent: Extent, position: int) -> None:
        done = 0
        while done < extent.size:
            piece = Extent(extent.path, extent.offset + done, min(_STEP, extent.size - done))
            source = self._sources.descriptor(extent.path)
            copied = _copy_range(source, self._descriptor, piece, position + done)
            if not copied:
                write_at(self._descriptor, self._sources.read(piece), position + done)
                copied = piece.size
            done += copied
            self._task.advance(copied)


def _copy_range(source: int, target: int, piece: Extent, position: int) -> int:
    """Copy within the kernel; 0 if it cannot or the source has ended: reading then tells which."""
    try:
        return os.copy_file_range(source, target, piece.size, piece.offset, position)
    except OSError:
        return 0


def _inode(node: Node, number: int) -> bytes:
    inode = node.inode
    union = fmt.encode_device(*inode.device) if inode.type in fmt.DEVICES else node.block
    xattr_count = (len(node.xattrs) - fmt.XATTR_HEADER.size) // fmt.XATTR_ALIGN + 1 if node.xattrs else 0
    return fmt.INODE.pack(
        fmt.FORMAT_INLINE if node.tail else fmt.FORMAT_PLAIN,
        xattr_count,
        fmt.MODES[inode.type] | inode.mode,
        0,
        node.size,
        union,
        number,
        inode.uid,
        inode.gid,
        inode.mtime,
        0,
        node.nlink,
        bytes(16),
    )


def _directory(node: Node) -> Iterator[bytes]:
    """The blocks of a directory; all but the last are padded with zeros."""
    padding = b""
    for names in directory_blocks(node):
        yield padding
        offset = fmt.DIRENT.size * len(names)
        records = bytearray()
        for name, child in names:
            records += fmt.DIRENT.pack(child.nid, offset, fmt.DIRENT_TYPES[child.inode.type], 0)
            offset += len(name)
        yield bytes(records) + b"".join(name for name, _ in names)
        padding = bytes(fmt.BLOCK - offset)
