"""What dstack wraps around a document of AWS Nitro Enclaves: the first version of its attestation, in SCALE.

    u8 0 (version), u8 2 (Nitro), compact length, document, events, 64 bytes of report data, configuration

Nothing but the document is signed by AWS, so the rest is left alone.
"""

from __future__ import annotations

_NITRO = b"\x00\x02"
_WIDTHS = {0b01: 2, 0b10: 4}  # of a compact number; no document is so short that it has another one


def unwrap_nitro(data: bytes) -> bytes:
    """The document in dstack's attestation. Anything else is returned as it is."""
    if not data.startswith(_NITRO) or len(data) < 8:
        return data
    width = _WIDTHS.get(data[2] & 3)
    if width is None:
        return data
    start = 2 + width
    size = int.from_bytes(data[2:start], "little") >> 2
    return data[start : start + size] if len(data) - start >= size else data
