"""The SHA-256 of every 4096-byte block of some data: the leaves of dm-verity and fs-verity.

The work is done by a compiled module (several blocks at a time on several processors) or, where that is
missing or the environment variable OLOS_PURE is `1`, by hashlib. Both give the same bytes. The compiled
module can also walk a whole image for its tree root, which `measure.rootfs` does in Python.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import TypeAlias, cast

BLOCK_SIZE = 4096
DIGEST_SIZE = 32

Buffer: TypeAlias = "bytes | bytearray | memoryview"

_CHUNK = 256 * BLOCK_SIZE
_ZERO_DIGEST = hashlib.sha256(bytes(BLOCK_SIZE)).digest()


def _compiled() -> ModuleType | None:
    if os.environ.get("OLOS_PURE") == "1":
        return None
    try:
        return import_module("olos._hashcore")
    except ImportError:
        return None


def pure_block_hashes(data: Buffer) -> bytes:
    """`block_hashes` by hashlib alone."""
    view = memoryview(data).cast("B")
    digests = [
        hashlib.sha256(view[start : start + BLOCK_SIZE]).digest()
        for start in range(0, len(view) - len(view) % BLOCK_SIZE, BLOCK_SIZE)
    ]
    if rest := len(view) % BLOCK_SIZE:
        digests.append(hashlib.sha256(bytes(view[-rest:]).ljust(BLOCK_SIZE, b"\0")).digest())
    return b"".join(digests)


def pure_file_block_hashes(fd: int, offset: int, length: int) -> bytes:
    """`file_block_hashes` by hashlib alone."""
    if offset < 0 or length < 0:
        raise ValueError("offset and length must not be negative")
    if offset + length > os.fstat(fd).st_size:
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
    position = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        return b"".join(_chunk_hashes(fd, offset, length))
    finally:
        os.lseek(fd, position, os.SEEK_SET)  # the search for holes has moved it


def _chunk_hashes(fd: int, offset: int, length: int) -> Iterator[bytes]:
    for start in range(0, length, _CHUNK):
        size = min(_CHUNK, length - start)
        if _is_hole(fd, offset + start, size):
            yield _ZERO_DIGEST * -(-size // BLOCK_SIZE)
        else:
            yield pure_block_hashes(_read(fd, offset + start, size))


def _is_hole(fd: int, start: int, size: int) -> bool:
    try:
        return os.lseek(fd, start, os.SEEK_DATA) >= start + size
    except OSError as exc:
        return exc.errno == errno.ENXIO  # no data up to the end; other errors: holes are not known


def _read(fd: int, start: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.pread(fd, size - len(data), start + len(data))
        if not part:
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        data += part
    return data


_module = _compiled()
COMPILED = _module is not None
"""Whether the compiled module is in use."""


def block_hashes(data: Buffer, threads: int = 0) -> bytes:
    """The digests of all blocks, one behind the other; the last block is padded with zeros.

    `threads` 0 means one for each processor.
    """
    if _module is None:
        return pure_block_hashes(data)
    return cast("bytes", _module.block_hashes(data, threads))


def file_block_hashes(fd: int, offset: int, length: int, threads: int = 0) -> bytes:
    """The same for `length` bytes at `offset` of an open file; holes are not read.

    Memory besides the result does not grow with the length. The position of `fd` is the same afterwards,
    but moves meanwhile. Raises OSError, with ENODATA if the file is shorter, and ValueError for a
    negative offset or length.
    """
    if _module is None:
        return pure_file_block_hashes(fd, offset, length)
    return cast("bytes", _module.file_block_hashes(fd, offset, length, threads))


def tree_root(
    fd: int, offset: int, size: int, image_size: int, report: Callable[[int], object]
) -> tuple[bytes, int]:
    """The tree root of a checked image and the number of its entries, by the compiled module.

    The image and its hash tree are the `size` bytes at `offset` of an open file. `report` is called every
    few milliseconds with the number of entries so far; what it raises ends the work, and so does a signal.
    Raises ValueError, with the reason, for an image that is not as docs/formats.md section 2 has it or
    cannot be read.
    """
    assert _module is not None
    return cast("tuple[bytes, int]", _module.tree_root(fd, offset, size, image_size, report))
