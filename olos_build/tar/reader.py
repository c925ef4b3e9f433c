"""The entries of a tar archive: POSIX ustar and pax, GNU and v7 headers (tar(5), pax(1)).

The archive comes from outside: every length is checked before it is used, no header is read that is
larger than HEADER_LIMIT, and content is never read at all but named as extents of the archive. Where
implementations differ this one does as Go's archive/tar, which container engines use.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from olos.errors import InputError
from olos.extent import Extent
from olos.tree import Segment
from olos_build.tar import sparse
from olos_build.tar.fields import MAX_ID, MAX_SIZE, bounded, byte_sum, shown, string
from olos_build.tar.pax import Records, parse_records

BLOCK = 512
HEADER_LIMIT = 1 << 20
"""Most bytes of a pax header or a GNU long name."""

REGULAR, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = (b"%d" % n for n in range(7))
_V7_REGULAR, _CONTIGUOUS, _GNU_SPARSE = b"\0", b"7", b"S"
_GNU_LONG_NAME, _GNU_LONG_LINK, _PAX, _PAX_GLOBAL = b"L", b"K", b"x", b"g"
_WITHOUT_DATA = frozenset((HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO))

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
"""name mode uid gid size mtime checksum type linkname magic+version uname gname major minor prefix."""

_CHECKSUM = slice(148, 156)
_MAGIC_POSIX = b"ustar\x0000"
_MAX_TIME = 2**53


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as its headers say. `type` is one of the constants above, or unknown.

    `name` and `link` are as they stand; `mtime` is in whole seconds, rounded down; `size`, in bytes,
    is the expanded one of a sparse file.
    """

    name: bytes
    type: bytes
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int
    link: bytes
    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...]
    content: tuple[Segment, ...]


def members(archive: Extent, where: str) -> Iterator[Member]:
    """The entries of an archive in order.

    Raises InputError, naming `where` and the offset, for anything that is no sound tar archive.
    """
    with archive.open() as stream:
        reader = _Reader(archive, stream, where)
        while (member := reader.next()) is not None:
            yield member


class _Header:
    """The fields of one header block; numbers are read when they are asked for."""

    def __init__(self, block: bytes, where: str) -> None:
        self.block, self.where = block, where
        self._fields = _HEADER.unpack(block)
        self._check()
        self.type: bytes = self._fields[7]
        self.name = string(self._fields[0])
        self.link = string(self._fields[8])
        if self._fields[9] == _MAGIC_POSIX and self._fields[14][0]:
            self.name = string(self._fields[14]) + b"/" + self.name
        self.size = self.number(4, "size", 0, MAX_SIZE)

    def number(self, index: int, what: str, low: int, high: int) -> int:
        """The field of that index in _HEADER."""
        return bounded(self._fields[index], self.where, what, low, high)

    def mode(self) -> int:
        return self.number(1, "mode", 0, MAX_SIZE) & 0o7777

    def uid(self) -> int:
        return self.number(2, "uid", 0, MAX_ID)

    def gid(self) -> int:
        return self.number(3, "gid", 0, MAX_ID)

    def mtime(self) -> int:
        return self.number(5, "mtime", -_MAX_TIME, _MAX_TIME)

    def device(self) -> tuple[int, int]:
        """Major and minor number; (0, 0) if it is none."""
        if self.type not in (CHARACTER, BLOCK_DEVICE):
            return 0, 0
        return self.number(12, "major", 0, MAX_ID), self.number(13, "minor", 0, MAX_ID)

    def _check(self) -> None:
        expected = self.number(6, "checksum", 0, MAX_SIZE)
        blanked = self.block[: _CHECKSUM.start] + b" " * 8 + self.block[_CHECKSUM.stop :]
        # Some old programs summed signed characters.
        if expected != byte_sum(blanked) and expected != sum(memoryview(blanked).cast("b")):
            raise InputError(f"{self.where}: no tar header: its checksum is wrong")


class _Reader:
    """Goes through an archive header by header."""

    def __init__(self, archive: Extent, stream: BinaryIO, where: str) -> None:
        self._archive, self._stream, self._where, self._position = archive, stream, where, 0

    def next(self) -> Member | None:
        """The next entry, with the extension headers before it applied; None at the end."""
        records: Records | None = None
        longer: dict[bytes, bytes] = {}
        while (header := self._header()) is not None:
            if header.type == _PAX:
                if records is not None:
                    raise InputError(f"{header.where}: two pax headers for one entry")
                records = parse_records(self._small(header), header.where)
            elif header.type == _PAX_GLOBAL:
                self._check_global(header)
            elif header.type in (_GNU_LONG_NAME, _GNU_LONG_LINK):
                longer[header.type] = string(self._small(header))
            else:
                if records is None and not longer and header.type != _GNU_SPARSE:
                    return self._plain(header)
                return self._member(header, records or Records((), header.where), longer)
        if records is not None or longer:
            raise InputError(f"{self._where}: ends behind an extension header")
        return None

    def _header(self) -> _Header | None:
        """The next header; None at a block of zeros or where the archive ends."""
        if self._position == self._archive.size:
            return None
        where = f"{self._where}: byte {self._position}"
        block = self._take(BLOCK, where)
        return None if block.count(0) == BLOCK else _Header(block, where)

    def _take(self, size: int, where: str) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise InputError(f"{where}: the archive is truncated")
        self._position += size
        return data

    def _small(self, header: _Header) -> bytes:
        """The content of an extension header."""
        if header.size > HEADER_LIMIT:
            raise InputError(f"{header.where}: a header of {header.size} bytes, more than {HEADER_LIMIT}")
        return self._take(_padded(header.size), header.where)[: header.size]

    def _check_global(self, header: _Header) -> None:
        """Refuse global headers that say something: tar programs apply them, container engines do not."""
        for key, _ in parse_records(self._small(header), header.where).items:
            if key != b"comment":
                raise InputError(f"{header.where}: a global pax header sets {shown(key)}")

    def _plain(self, header: _Header) -> Member:
        """What `_member` gives for the many entries whose header says it all."""
        size = 0 if header.type in _WITHOUT_DATA else header.size
        content = (Segment(0, self._skip(size, header.where)),) if size else ()
        return Member(
            header.name,
            _type(header.type, header.name),
            header.mode(),
            header.uid(),
            header.gid(),
            header.mtime(),
            size,
            header.link,
            header.device(),
            (),
            content,
        )

    def _member(self, header: _Header, records: Records, longer: dict[bytes, bytes]) -> Member:
        path = records.text(b"GNU.sparse.name") or records.text(b"path")
        name = longer.get(_GNU_LONG_NAME) or path or header.name
        uid, gid, mtime = (
            records.number(b"uid", MAX_ID),
            records.number(b"gid", MAX_ID),
            records.seconds(b"mtime"),
        )
        size, content = self._content(header, records)
        return Member(
            name=name,
            type=_type(header.type, name),
            mode=header.mode(),
            uid=header.uid() if uid is None else uid,
            gid=header.gid() if gid is None else gid,
            mtime=header.mtime() if mtime is None else mtime,
            size=size,
            link=longer.get(_GNU_LONG_LINK) or records.text(b"linkpath") or header.link,
            device=header.device(),
            xattrs=records.xattrs(),
            content=content,
        )

    def _content(self, header: _Header, records: Records) -> tuple[int, tuple[Segment, ...]]:
        """Expanded size and content of an entry; the position moves behind it."""
        if header.type in _WITHOUT_DATA:
            return 0, ()
        stored = records.number(b"size", MAX_SIZE)
        stored = header.size if stored is None else stored
        start = self._position

        def take() -> bytes:
            return self._take(BLOCK, header.where)

        runs: sparse.Map | None = None
        if header.type == _GNU_SPARSE:
            runs = sparse.old_gnu(header.block, take, header.where)
        elif records.items:
            runs = sparse.from_records(records, take, header.where)
            stored -= self._position - start
        data = self._skip(stored, header.where)
        if runs is None:
            return stored, (Segment(0, data),) if stored else ()
        return runs.size, runs.segments(data, header.where)

    def _skip(self, size: int, where: str) -> Extent:
        """The next `size` bytes as an extent of the file that the archive is in."""
        start = self._position
        if size < 0 or start + size > self._archive.size:
            raise InputError(f"{where}: the archive is truncated, or a size in it is wrong")
        if size:
            # Some writers leave out the padding of the last entry along with the end mark.
            end = min(start + _padded(size), self._archive.size)
            self._stream.seek(end)
            self._position = end
        return Extent(self._archive.path, self._archive.offset + start, size)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _type(letter: bytes, name: bytes) -> bytes:
    """The type without its variants: contiguous and sparse files are files; v7 directories end in a slash."""
    if letter == _V7_REGULAR:
        return DIRECTORY if name.endswith(b"/") else REGULAR
    return REGULAR if letter in (_CONTIGUOUS, _GNU_SPARSE) else letter
