"""The Merkle tree hash as RFC 9162 section 2.1.1 writes it down, recursive and slow."""

import hashlib


def mth(entries: list[bytes]) -> bytes:
    """MTH of a list of entries."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()
