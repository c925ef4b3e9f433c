"""fs-verity file digests: SHA-256, blocks of 4096 bytes, no salt (what `fsverity digest` prints).

Linux `Documentation/filesystems/fsverity.rst`, sections "Merkle tree" and "fs-verity descriptor".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import BinaryIO

from measure.hashtree import HashTree, root_of
from olos.digest import Digest
from olos.hashcore import block_hashes, file_block_hashes
from olos.verity import BLOCK

# version, hash_algorithm, log_blocksize, salt_size, reserved, data_size, root_hash, salt, reserved
_DESCRIPTOR = struct.Struct("<BBBBIQ64s32s144s")
_VERSION = 1
_SHA256 = 1
_LOG_BLOCK = 12
_EMPTY_ROOT = bytes(32)
_CHUNK = 1024 * BLOCK
_STEP = 16 << 20
"""Bytes of a file that are hashed between two looks at signals."""


def digest_file(fd: int, offset: int, size: int) -> Digest:
    """The digest of a file whose content is `size` bytes at `offset` of the open file `fd`.

    It is read by all processors; holes are not read, the position of `fd` does not matter. Raises OSError,
    with ENODATA if the open file is shorter.
    """
    steps = range(offset, offset + size, _STEP)
    return from_leaves(size, (file_block_hashes(fd, at, min(_STEP, offset + size - at)) for at in steps))


def digest(stream: BinaryIO) -> Digest:
    """The digest of the rest of a stream."""
    tree, size = HashTree(), 0
    while chunk := _read_full(stream):
        tree.add(block_hashes(chunk))
        size += len(chunk)
    return from_root(size, tree.root() if size else _EMPTY_ROOT)


def _read_full(stream: BinaryIO) -> bytes:
    """The next `_CHUNK` bytes; fewer only at the end."""
    pieces: list[bytes] = []
    missing = _CHUNK
    while missing and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def from_leaves(size: int, leaves: Iterable[bytes]) -> Digest:
    """The digest of a file of `size` bytes, from the digests of its zero-padded blocks in pieces."""
    return from_root(size, root_of(leaves) if size else _EMPTY_ROOT)


def from_root(size: int, root: bytes) -> Digest:
    """The digest of a file of `size` bytes whose Merkle tree has this root."""
    descriptor = _DESCRIPTOR.pack(_VERSION, _SHA256, _LOG_BLOCK, 0, 0, size, root, b"", b"")
    return Digest("sha256", hashlib.sha256(descriptor).digest())
