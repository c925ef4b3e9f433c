"""The Merkle tree hash of RFC 9162 section 2.1.1, with SHA-256."""

from __future__ import annotations

import hashlib

from olos.digest import Digest

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """MTH of one entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(_NODE + left + right).digest()


class TreeHash:
    """The tree over entries as they arrive. Memory: one hash per level.

    A list splits at the largest power of two below its length. So the complete subtrees on the left are
    those of the binary digits of the length, and appending is counting.
    """

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, entry: bytes) -> None:
        """Append an entry."""
        subtree = leaf_hash(entry)
        full = self.size
        while full & 1:
            subtree = node_hash(self._subtrees.pop(), subtree)
            full >>= 1
        self._subtrees.append(subtree)
        self.size += 1

    def root(self) -> Digest:
        """MTH of the entries so far."""
        if not self._subtrees:
            return Digest.sha256(b"")
        *rest, root = self._subtrees
        for left in reversed(rest):
            root = node_hash(left, root)
        return Digest("sha256", root)
