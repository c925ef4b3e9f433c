"""dm-verity over an image: the hash tree behind it, its root, and the check of both (formats.md section 2.2).

Memory does not grow with the image: a few megabytes of it are hashed at a time, and each level of the tree
is written or compared as it arises.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from measure.hashtree import HashTree
from olos.digest import Digest
from olos.erofs import image_name
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.hashcore import file_block_hashes
from olos.progress import Progress
from olos.verity import BLOCK, DIGEST_SIZE, FANOUT, level_offsets, superblock
from olos.write_at import write_at

_STEP = 128 * FANOUT * BLOCK
"""Bytes of the image that are hashed at a time: their digests fill whole hash blocks."""


def append_hash_tree(stream: BinaryIO, image_size: int, progress: Progress) -> Digest:
    """Write superblock and hash tree behind the image at the start of a file; returns the root.

    The file is open for reading and writing and ends behind the tree afterwards. Raises OSError.
    """
    stream.flush()
    descriptor = stream.fileno()
    positions = level_offsets(image_size)

    def write(level: int, blocks: bytes) -> None:
        write_at(descriptor, blocks, positions[level])
        positions[level] += len(blocks)

    tree = HashTree(write)
    _add_leaves(tree, descriptor, 0, image_size, progress)
    root = tree.root()
    write_at(descriptor, superblock(image_size // BLOCK), image_size)
    stream.truncate(level_offsets(image_size)[-1])
    stream.seek(0, os.SEEK_END)
    return Digest("sha256", root)


def check(extent: Extent, image_size: int, progress: Progress) -> Digest:
    """Recompute the hash tree over an image and compare all that is stored behind it; returns the root.

    Raises MismatchError for a wrong size or superblock and for the first wrong block, InputError if the
    file cannot be read or the image can have no such size.
    """
    where = image_name(extent)
    if image_size % BLOCK or image_size < 2 * BLOCK:
        raise InputError(f"{where}: {image_size} bytes cannot be an image")
    expected_size = level_offsets(image_size)[-1]
    if extent.size != expected_size:
        raise MismatchError.of(f"{where}: size", expected=expected_size, actual=extent.size)
    with extent.descriptor() as descriptor:
        try:
            return _Check(descriptor, extent.offset, image_size, where).run(progress)
        except OSError as exc:
            raise InputError(f"{where}: cannot be read: {exc.strerror or exc}") from exc


class _Check:
    """One comparison; offsets are those in the image."""

    def __init__(self, descriptor: int, base: int, image_size: int, where: str) -> None:
        self._descriptor, self._base, self._image_size, self._where = descriptor, base, image_size, where
        self._positions = level_offsets(image_size)

    def run(self, progress: Progress) -> Digest:
        if self._read(self._image_size, BLOCK) != superblock(self._image_size // BLOCK):
            raise MismatchError(f"{self._where}: the verity superblock is not that of this image")
        tree = HashTree(self._compare)
        _add_leaves(tree, self._descriptor, self._base, self._image_size, progress)
        return Digest("sha256", tree.root())

    def _compare(self, level: int, blocks: bytes) -> None:
        position = self._positions[level]
        stored = self._read(position, len(blocks))
        self._positions[level] += len(blocks)
        if stored == blocks:
            return
        wrong = next((i for i, (a, b) in enumerate(zip(stored, blocks, strict=False)) if a != b), len(stored))
        first_leaf = (position - level_offsets(self._image_size)[0]) // DIGEST_SIZE
        number = first_leaf + wrong // DIGEST_SIZE
        if level == 0 and number < self._image_size // BLOCK:
            raise MismatchError(f"{self._where}: data block {number} or its hash is not what it was")
        raise MismatchError(
            f"{self._where}: hash block at byte {(position + wrong) // BLOCK * BLOCK} is wrong"
        )

    def _read(self, position: int, length: int) -> bytes:
        data = os.pread(self._descriptor, length, self._base + position)
        if len(data) != length:
            raise OSError(errno.ENODATA, "it became shorter meanwhile")
        return data


def _add_leaves(tree: HashTree, descriptor: int, base: int, image_size: int, progress: Progress) -> None:
    """Hash the data blocks of the image that starts at byte `base` of a file."""
    with progress.task("hashing the root file system", image_size, "B") as task:
        for start in range(0, image_size, _STEP):
            length = min(_STEP, image_size - start)
            tree.add(file_block_hashes(descriptor, base + start, length))
            task.advance(length)
