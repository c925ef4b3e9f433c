"""The Merkle tree that dm-verity and fs-verity have in common.

Hash blocks of 4096 bytes hold 128 SHA-256 digests, the last one of a level is padded with zeros; the root
is the digest of the one block at the top, or the only leaf. No salt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from olos.hashcore import block_hashes
from olos.verity import BLOCK, DIGEST_SIZE

Sink: TypeAlias = Callable[[int, bytes], None]
"""Takes the next hash blocks of a level; level 0 holds the digests of data blocks."""


class HashTree:
    """A tree that grows while leaves arrive. Memory: one hash block per level and the leaves in hand."""

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self._waiting: list[bytearray] = []
        self._counts: list[int] = []

    def add(self, leaves: bytes) -> None:
        """Append digests of data blocks, one behind the other."""
        level, hashes = 0, leaves
        while hashes:
            waiting = self._append(level, hashes)
            whole = len(waiting) // BLOCK * BLOCK
            blocks = bytes(waiting[:whole])
            del waiting[:whole]
            hashes = self._emit(level, blocks)
            level += 1

    def root(self) -> bytes:
        """The root over all leaves; there must be one. Nothing may be added afterwards."""
        level = 0
        while self._counts[level] > 1:
            if rest := bytes(self._waiting[level]):
                self._append(level + 1, self._emit(level, rest.ljust(BLOCK, b"\0")))
            level += 1
        return bytes(self._waiting[level])

    def _append(self, level: int, hashes: bytes) -> bytearray:
        if level == len(self._waiting):
            self._waiting.append(bytearray())
            self._counts.append(0)
        self._waiting[level] += hashes
        self._counts[level] += len(hashes) // DIGEST_SIZE
        return self._waiting[level]

    def _emit(self, level: int, blocks: bytes) -> bytes:
        if not blocks:
            return b""
        if self._sink:
            self._sink(level, blocks)
        return block_hashes(blocks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaves that come in pieces of any number of digests."""
    tree = HashTree()
    for piece in leaves:
        tree.add(piece)
    return tree.root()
