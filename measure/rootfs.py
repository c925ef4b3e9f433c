"""Both roots of a root file system image, from its bytes, reading them once (docs/formats.md section 2).

The digest of a data block is the same in dm-verity and fs-verity. So the fs-verity digests of files come
from the dm-verity leaves, which have just been recomputed; only inline tails are hashed besides.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from measure import fsverity, verity
from measure.leaf import encode
from measure.rfc9162 import TreeHash
from olos.digest import Digest
from olos.erofs import Image, image_name
from olos.errors import InputError
from olos.extent import Extent
from olos.hashcore import COMPILED, tree_root
from olos.progress import Progress, Task
from olos.tree import Entry, FileType, Inode
from olos.verity import BLOCK, DIGEST_SIZE, level_offsets

_LEAVES = 1 << 20
"""Bytes of leaf digests that are read at a time."""
_REPORT = 500
"""Entries between two reports of progress."""


@dataclass(frozen=True)
class RootfsRoots:
    """What the manifest says of an image; `image_size` is that of the EROFS image in bytes."""

    image_size: int
    verity_root: Digest
    tree_root: Digest
    entries: int


def measure(extent: Extent, image_size: int, progress: Progress) -> RootfsRoots:
    """Recompute both roots. Raises MismatchError for a wrong hash tree, InputError for a wrong image."""
    verity_root = verity.check(extent, image_size, progress)
    with progress.task("hashing the file tree", None, "entries") as task:
        root, count = (_quick_tree if COMPILED else _tree)(extent, image_size, task)
    return RootfsRoots(image_size, verity_root, root, count)


def _quick_tree(extent: Extent, image_size: int, task: Task) -> tuple[Digest, int]:
    """Tree root and number of entries by the compiled reader.

    What it refuses is read once more by the one in Python, which says exactly what is wrong.
    """
    shown = 0

    def report(count: int) -> None:
        nonlocal shown
        task.advance(count - shown)
        shown = count

    with extent.descriptor() as descriptor:
        try:
            root, count = tree_root(descriptor, extent.offset, extent.size, image_size, report)
        except ValueError as exc:
            _tree(extent, image_size, task)
            raise RuntimeError(f"only one of two readers refuses {image_name(extent)}: {exc}") from exc
    report(count)
    return Digest("sha256", root), count


def _tree(extent: Extent, image_size: int, task: Task) -> tuple[Digest, int]:
    """The same by the reader in Python."""
    tree = TreeHash()
    for entry, content in entries(extent, image_size):
        tree.add(encode(entry, content))
        if tree.size % _REPORT == 0:
            task.advance(_REPORT)
    task.advance(tree.size % _REPORT)
    return tree.root(), tree.size


def entries(extent: Extent, image_size: int) -> Iterator[tuple[Entry, Digest | None]]:
    """All entries in bytewise path order, regular files with their fs-verity digests.

    The digests come from the dm-verity leaves behind the image, so it must have been checked before.
    Raises InputError for a wrong image.
    """
    with extent.descriptor() as descriptor, Image(extent, image_size) as image:
        contents = _Contents(descriptor, extent, image_size)
        for entry in image.entries():
            regular = entry.inode.type is FileType.REGULAR
            yield entry, contents.digest(entry.inode) if regular else None


class _Contents:
    """fs-verity digests of the files of a checked image."""

    def __init__(self, descriptor: int, extent: Extent, image_size: int) -> None:
        self._descriptor, self._extent = descriptor, extent
        self._leaves_start = extent.offset + level_offsets(image_size)[0]

    def digest(self, inode: Inode) -> Digest:
        return fsverity.from_leaves(inode.size, self._leaves(inode))

    def _leaves(self, inode: Inode) -> Iterator[bytes]:
        blocks, tail = divmod(inode.size, BLOCK)
        if blocks:
            first_block = (inode.content[0].extent.offset - self._extent.offset) // BLOCK
            yield from self._stored(first_block, blocks)
        if tail:
            last = inode.content[-1].extent
            data = self._read(last.offset + last.size - tail, tail)
            yield hashlib.sha256(data.ljust(BLOCK, b"\0")).digest()

    def _stored(self, first_block: int, blocks: int) -> Iterator[bytes]:
        start = self._leaves_start + first_block * DIGEST_SIZE
        end = start + blocks * DIGEST_SIZE
        for position in range(start, end, _LEAVES):
            yield self._read(position, min(_LEAVES, end - position))

    def _read(self, position: int, length: int) -> bytes:
        try:
            data = os.pread(self._descriptor, length, position)
        except OSError as exc:
            raise InputError(f"{image_name(self._extent)}: cannot be read: {exc.strerror}") from exc
        if len(data) != length:
            raise InputError(f"{image_name(self._extent)}: became shorter while it was read")
        return data
