"""Writer of the file table of a package (docs/formats.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable

from olos.iso import Entry
from olos.package import MAGIC, TABLE_ENTRY, TABLE_HEADER, TABLE_SIZE, decode_table


def encode(entries: Iterable[Entry]) -> bytes:
    """The TABLE_SIZE bytes that name these files. Raises InputError if no package can hold them."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    data = TABLE_HEADER.pack(MAGIC, len(ordered))
    data += b"".join(TABLE_ENTRY.pack(entry.path.encode(), entry.offset, entry.size) for entry in ordered)
    table = data.ljust(TABLE_SIZE, b"\0")
    decode_table(table, "file table")
    return table
