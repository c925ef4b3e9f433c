"""Merkle trees of RFC 9162 section 2.1 with SHA-256: the tree hash, and audit paths of single entries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from olos.digest import Digest

MAX_AUDIT = 64
"""Hashes of the longest audit path: a tree of 2^64 entries has one more level."""

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """MTH of one entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(_NODE + left + right).digest()


@dataclass(eq=False)
class AuditPath:
    """The inclusion proof of the entry at `index` (section 2.1.3.1), lowest hash first.

    It grows with its tree and is whole when `TreeHash.root` has been called.
    """

    index: int
    hashes: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Subtree:
    """The hash of a subtree and the audit paths of entries in it."""

    hash: bytes
    paths: list[AuditPath]

    def join(self, right: _Subtree) -> _Subtree:
        """The subtree of this one and its right neighbour."""
        for path in self.paths:
            path.hashes.append(right.hash)
        for path in right.paths:
            path.hashes.append(self.hash)
        return _Subtree(node_hash(self.hash, right.hash), self.paths + right.paths)


class TreeHash:
    """The tree over entries as they arrive. Memory: one hash per level, and the audit paths asked for.

    A list splits at the largest power of two below its length. So the complete subtrees on the left are
    those of the binary digits of the length, and appending is counting.
    """

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[_Subtree] = []

    def add(self, entry: bytes) -> None:
        """Append an entry."""
        self._append(_Subtree(leaf_hash(entry), []))

    def follow(self, entry: bytes) -> AuditPath:
        """Append an entry and keep its audit path."""
        path = AuditPath(self.size)
        self._append(_Subtree(leaf_hash(entry), [path]))
        return path

    def root(self) -> Digest:
        """MTH of the entries so far. Where a path is followed it ends the tree, and is called once."""
        if not self._subtrees:
            return Digest.sha256(b"")
        *rest, root = self._subtrees
        for left in reversed(rest):
            root = left.join(root)
        return Digest("sha256", root.hash)

    def _append(self, subtree: _Subtree) -> None:
        full = self.size
        while full & 1:
            subtree = self._subtrees.pop().join(subtree)
            full >>= 1
        self._subtrees.append(subtree)
        self.size += 1


def implied_root(entry: bytes, index: int, size: int, audit: Sequence[bytes]) -> Digest:
    """The root of a tree of `size` entries that has this one at `index` (section 2.1.3.2).

    Raises ValueError if such a tree has no such index, or audit paths of another length there.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no entry {index} among {size}")
    node, last = index, size - 1  # fn and sn of the RFC
    root = leaf_hash(entry)
    for sibling in audit:
        if last == 0:
            raise ValueError("the audit path is too long")
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ValueError("the audit path is too short")
    return Digest("sha256", root)
