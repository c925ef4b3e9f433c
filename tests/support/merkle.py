"""Merkle trees and audit paths as RFC 9162 section 2.1 writes them down, recursive and slow."""

import hashlib


def mth(entries: list[bytes]) -> bytes:
    """MTH of a list of entries."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def split(count: int) -> int:
    """The largest power of two smaller than a number of entries."""
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def path(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*path(index, entries[:k]), mth(entries[k:])]
    return [*path(index - k, entries[k:]), mth(entries[:k])]


def root_along(entry: bytes, index: int, count: int, audit: list[bytes]) -> bytes:
    """What MTH must be if `audit` is PATH(index, D[count]), by undoing the definition of PATH."""
    if count == 1:
        assert not audit
        return mth([entry])
    k, (*below, sibling) = split(count), audit
    if index < k:
        return hashlib.sha256(b"\x01" + root_along(entry, index, k, below) + sibling).digest()
    return hashlib.sha256(b"\x01" + sibling + root_along(entry, index - k, count - k, below)).digest()
