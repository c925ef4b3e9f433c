"""Compressed streams as pieces of what they unpack to (RFC 1952, RFC 8878).

Each piece has at most PIECE bytes, however well it was compressed. Damage raises one of ERRORS.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Mapping
from typing import BinaryIO, Protocol, TypeAlias, cast

import zstandard
from isal import isal_zlib

PIECE = 1 << 20
_GZIP_ERROR = cast("type[Exception]", isal_zlib.error)
ERRORS = (EOFError, zlib.error, _GZIP_ERROR, zstandard.ZstdError)

_INPUT = 1 << 18
_WITH_GZIP_HEADER = 31
_ZSTD_WINDOW = 1 << 27
"""Most memory that a zstd frame may ask for: what its own tool grants without being told."""


Pieces: TypeAlias = Generator[bytes, None, None]


class Source(Protocol):
    """Where compressed bytes come from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


def gunzip(source: Source) -> Pieces:
    """All members, one behind the other; zeros may follow each, as with gzip itself."""
    data = source.read(_INPUT)
    while data:
        member = isal_zlib.decompressobj(_WITH_GZIP_HEADER)
        while not member.eof:
            piece = member.decompress(data, PIECE)
            # With nothing more to read, what is inside may still come out.
            if not piece and not data and not member.eof:
                raise EOFError("it ends within compressed data")
            if piece:
                yield piece
            if not member.eof:
                data = member.unconsumed_tail or source.read(_INPUT)
        data = _behind_zeros(member.unused_data, source)


def _behind_zeros(data: bytes, source: Source) -> bytes:
    """What comes next that is not zeros; nothing at the end."""
    while not (rest := data.lstrip(b"\0")):
        data = source.read(_INPUT)
        if not data:
            break
    return rest


def unzstd(source: Source) -> Pieces:
    """All frames, one behind the other."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with decompressor.stream_reader(
        cast("BinaryIO", source), PIECE, read_across_frames=True, closefd=False
    ) as stream:
        while piece := stream.read(PIECE):
            yield piece


DECOMPRESSORS: Mapping[str, Callable[[Source], Pieces]] = {"gzip": gunzip, "zstd": unzstd}
