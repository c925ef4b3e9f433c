"""Sparse files in tar archives: the four formats of GNU tar (its manual, "Storing Sparse Files").

Old GNU keeps the map in the header and in blocks behind it; pax 0.0 in repeated records, 0.1 in one
record, 1.0 at the head of the content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from olos.errors import InputError
from olos.extent import Extent
from olos.tree import Segment
from olos_build.tar.fields import MAX_SIZE, bounded, decimal
from olos_build.tar.pax import Records

MAX_RUNS = 1 << 17
"""Most runs of one file; each costs memory."""

_PREFIX = b"GNU.sparse."
_MAX_LINE = 20
_HEADER_RUNS, _HEADER_MORE, _HEADER_SIZE = slice(386, 482), 482, slice(483, 495)
_BLOCK_RUNS, _BLOCK_MORE = slice(0, 504), 504
_FIELD = 12


@dataclass(frozen=True)
class Map:
    """Expanded size, and the runs that are stored one behind the other: offset, length, offset, …"""

    size: int
    numbers: tuple[int, ...]

    def segments(self, stored: Extent, where: str) -> tuple[Segment, ...]:
        """The content, out of the stored bytes. Raises InputError if the map does not fit to them."""
        result: list[Segment] = []
        position = end = 0
        for offset, length in zip(self.numbers[::2], self.numbers[1::2], strict=True):
            if offset < end or offset + length > self.size or position + length > stored.size:
                raise InputError(f"{where}: the map of a sparse file is out of order or out of bounds")
            if length:
                result.append(Segment(offset, Extent(stored.path, stored.offset + position, length)))
            position += length
            end = offset + length
        if position != stored.size:
            raise InputError(f"{where}: a sparse file stores {stored.size} bytes, its map has {position}")
        return tuple(result)


def old_gnu(header: bytes, take: Callable[[], bytes], where: str) -> Map:
    """The map of an entry of type 'S'; `take` gives the next block of the archive."""
    numbers = _runs(header[_HEADER_RUNS], where)
    more = header[_HEADER_MORE]
    while more:
        block = take()
        numbers += _runs(block[_BLOCK_RUNS], where)
        more = block[_BLOCK_MORE]
        _check_count(len(numbers), where)
    return Map(bounded(header[_HEADER_SIZE], where, "size of a sparse file:", 0, MAX_SIZE), tuple(numbers))


def _runs(table: bytes, where: str) -> list[int]:
    """Offsets and lengths up to the first empty entry."""
    numbers: list[int] = []
    for start in range(0, len(table), 2 * _FIELD):
        entry = table[start : start + 2 * _FIELD]
        if not entry[0] or not entry[_FIELD]:
            break
        numbers += (
            bounded(field, where, "map of a sparse file:", 0, MAX_SIZE)
            for field in (entry[:_FIELD], entry[_FIELD:])
        )
    return numbers


def from_records(records: Records, take: Callable[[], bytes], where: str) -> Map | None:
    """The map that pax records tell of, None if the file is not sparse.

    `take` gives the next block of the content, where format 1.0 has its map.
    """
    if not any(key.startswith(_PREFIX) for key in records.values):
        return None
    version = records.text(b"GNU.sparse.major"), records.text(b"GNU.sparse.minor")
    if version == (b"1", b"0"):
        size = records.number(b"GNU.sparse.realsize", MAX_SIZE)
        texts = _at_head_of_content(take, where)
    elif version in ((b"", b""), (b"0", b"0"), (b"0", b"1")):
        size = records.number(b"GNU.sparse.size", MAX_SIZE)
        joined = records.text(b"GNU.sparse.map")
        keys = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
        texts = joined.split(b",") if joined else [value for key, value in records.items if key in keys]
    else:
        raise InputError(f"{where}: sparse file of unknown format {version!r}")
    if size is None or len(texts) % 2:
        raise InputError(f"{where}: the map of a sparse file is incomplete")
    _check_count(len(texts), where)
    return Map(size, tuple(decimal(text, MAX_SIZE, f"{where}: map of a sparse file") for text in texts))


def _at_head_of_content(take: Callable[[], bytes], where: str) -> list[bytes]:
    """Format 1.0: the number of runs, then the numbers, each on a line, padded to whole blocks."""
    lines: list[bytes] = []
    rest, wanted = b"", 1
    while len(lines) < wanted:
        if len(rest) > _MAX_LINE:
            raise InputError(f"{where}: the map of a sparse file is malformed")
        *complete, rest = (rest + take()).split(b"\n")
        lines += complete
        if lines:
            wanted = 1 + 2 * decimal(lines[0], MAX_RUNS, f"{where}: number of runs of a sparse file")
    return lines[1:wanted]


def _check_count(numbers: int, where: str) -> None:
    if numbers > 2 * MAX_RUNS:
        raise InputError(f"{where}: the map of a sparse file has more than {MAX_RUNS} runs")
