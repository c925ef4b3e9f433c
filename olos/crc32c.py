"""CRC-32C (Castagnoli), reflected, as file systems use it: for a few kilobytes, not for bulk data."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(value) for value in range(256))


def crc32c(data: bytes, state: int = 0xFFFFFFFF) -> int:
    """The register after `data`, without the final inversion, as Linux' `crc32c()` gives it."""
    for byte in data:
        state = state >> 8 ^ _TABLE[(state ^ byte) & 0xFF]
    return state
