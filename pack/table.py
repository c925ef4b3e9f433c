"""Writer of the file table of a package, and the digest at its end (docs/formats.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable

from olos.digest import Digest, sha256_stream
from olos.extent import Extent
from olos.iso import Entry
from olos.layout import UNRECORDED, Layout
from olos.package import (
    DIGEST_OFFSET,
    DIGEST_SIZE,
    MAGIC,
    TABLE_ENTRY,
    TABLE_HEADER,
    TABLE_OFFSET,
    decode_table,
)


def encode(entries: Iterable[Entry], unrecorded: Digest) -> bytes:
    """The TABLE_SIZE bytes that name these files. Raises InputError if no package can hold them."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    data = TABLE_HEADER.pack(MAGIC, len(ordered))
    data += b"".join(TABLE_ENTRY.pack(entry.path.encode(), entry.offset, entry.size) for entry in ordered)
    table = data.ljust(DIGEST_OFFSET, b"\0") + unrecorded.value
    decode_table(table, "file table")
    return table


def unrecorded_digest(layout: Layout) -> Digest:
    """SHA-256 over the SHA-256 of each file of which the manifest records none, in the order of their paths.

    Raises InputError if one of them cannot be read.
    """
    digests = (_sha256(layout[name]) for name in UNRECORDED if name in layout)
    return Digest.sha256(b"".join(digest.value for digest in digests))


def stored_digest(package: Layout) -> Digest:
    """The digest of unrecorded files that a package states. Raises InputError if it cannot be read."""
    stated = Extent(package.origin, TABLE_OFFSET + DIGEST_OFFSET, DIGEST_SIZE)
    return Digest("sha256", stated.read(DIGEST_SIZE))


def _sha256(extent: Extent) -> Digest:
    with extent.open() as stream:
        return sha256_stream(stream)[0]
