"""SGXS: a stream of the records that make an enclave (docs/formats.md section 11; Fortanix, `doc/SGXS.md`).

ECREATE, then for each page EADD and its data in chunks: EEXTEND (measured) or UNMEASRD (not), each
followed by 256 bytes. MRENCLAVE is the SHA-256 of the stream without what belongs to UNMEASRD.

The rules of the format are kept, but for one that the hardware does not know: pages need not come in
ascending order. One that comes twice is still found, in memory that does not grow with the stream.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from measure.mrenclave import (
    ALL_CHUNKS,
    CHUNK_SIZE,
    CHUNKS,
    EADD,
    ECREATE,
    EEXTEND,
    PAGE_SIZE,
    TAG_EADD,
    TAG_ECREATE,
    TAG_EEXTEND,
    PageType,
    Permissions,
    check_enclave,
)
from measure.page_runs import PageRuns
from olos.digest import Digest
from olos.errors import InputError
from olos.progress import Progress

TAG_UNMEASRD, TAG_UNSIZED = b"UNMEASRD", b"UNSIZED\0"

_HEADER_SIZE = 64
_HEADER_WORDS = _HEADER_SIZE // 8
_PAGE_RECORDS_SIZE = _HEADER_SIZE + CHUNKS * (_HEADER_SIZE + CHUNK_SIZE)
_RIGHTS = 0b111
_TYPES = frozenset(kind.value << 8 for kind in PageType)
_TCS = PageType.TCS.value << 8
_BUFFER_SIZE = 1 << 22
_MAX_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Enclave:
    """What a stream describes: its MRENCLAVE; sizes in bytes, that of an SSA frame in pages."""

    measurement: Digest
    size: int
    ssa_frame_size: int
    pages: int
    stream_size: int


def measure(stream: BinaryIO, progress: Progress, *, where: str) -> Enclave:
    """Measure a stream up to its end.

    Raises InputError, naming `where` and the byte, for anything that is not SGXS.
    """
    source = _Source(stream, where)
    with progress.task(f"measuring {where}", None, "B") as task:
        loading = _Loading(source)
        while source.peek(1):
            before = source.offset
            if not loading.pages_at_once():
                loading.record()
            task.advance(source.offset - before)
    return loading.finish()


class _Source:
    """A buffered stream that knows the offset of the next byte."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where = stream, where
        self._buffer, self._at, self._base = b"", 0, 0
        self._ended = False  # a terminal would go on if it were asked again

    @property
    def offset(self) -> int:
        return self._base + self._at

    def peek(self, size: int) -> memoryview:
        """The next `size` bytes, fewer at the end of the stream. Raises InputError."""
        while not self._ended and len(self._buffer) - self._at < size:
            try:
                more = self._stream.read(_BUFFER_SIZE)
            except OSError as exc:
                raise InputError(f"{self._where}: cannot be read: {exc.strerror}") from exc
            self._ended = not more
            self._base += self._at
            self._buffer, self._at = self._buffer[self._at :] + more, 0
        return memoryview(self._buffer)[self._at : self._at + size]

    def skip(self, size: int) -> None:
        """Go on behind bytes that were seen."""
        self._at += size

    def take(self, size: int, what: str) -> memoryview:
        """The next `size` bytes. Raises InputError if the stream ends before."""
        view = self.peek(size)
        if len(view) < size:
            raise self.error(f"the stream ends here, {len(view)} bytes into {what} of {size}")
        self.skip(size)
        return view

    def error(self, text: str) -> InputError:
        """An error at the next byte."""
        return InputError(f"{self._where}: not SGXS: at byte {self.offset}: {text}")


class _Loading:
    """An enclave as far as it is loaded: the hash, the pages, and the chunks seen of the last page."""

    def __init__(self, source: _Source) -> None:
        """Read the first record. Raises InputError."""
        self._source = source
        header = source.peek(_HEADER_SIZE)
        if header[:8] == TAG_UNSIZED:
            raise source.error("UNSIZED: the size of the enclave is not fixed yet, so it has no measurement")
        if header[:8] != TAG_ECREATE:
            raise source.error("the first record is not ECREATE")
        if len(header) == _HEADER_SIZE:
            _, self._ssa_frame_size, self._size, reserved = ECREATE.unpack(header)
            self._refuse_reserved(reserved)
            self._check_enclave()
        self._hash = hashlib.sha256(source.take(_HEADER_SIZE, "a record"))
        self._added = PageRuns()
        self._pages = 0
        self._page, self._chunks = -1, ALL_CHUNKS
        self._at_once = 1

    def finish(self) -> Enclave:
        """The result at the end of the stream."""
        digest = Digest("sha256", self._hash.digest())
        return Enclave(digest, self._size, self._ssa_frame_size, self._pages, self._source.offset)

    def pages_at_once(self) -> bool:
        """Take pages that follow each other and are alike, with all their data: the usual case, and quick.

        False if the next record is no beginning of such a page, which may be an error. Tries one page,
        then twice as many each time, so that what fails costs no more than what succeeded.
        """
        while not self._take_alike(self._at_once):
            if self._at_once == 1:
                return False
            self._at_once = 1
        self._at_once = min(2 * self._at_once, _MAX_AT_ONCE)
        return True

    def _take_alike(self, wanted: int) -> bool:
        start = self._source.peek(_HEADER_SIZE + 8)
        if len(start) < _HEADER_SIZE or start[:8] != TAG_EADD:
            return False
        _, offset, flags, _ = EADD.unpack_from(start)
        tag = bytes(start[_HEADER_SIZE:])
        size = _PAGE_RECORDS_SIZE if tag in (TAG_EEXTEND, TAG_UNMEASRD) else _HEADER_SIZE
        data = self._source.peek(min(wanted * size, _BUFFER_SIZE))
        count = len(data) // size
        end = offset + count * PAGE_SIZE
        if count == 0 or self._eadd_problem(offset, end, flags):
            return False
        pages = data[: count * size]
        if not _alike(pages, count, offset, flags, tag if size > _HEADER_SIZE else None):
            return False
        self._source.skip(len(pages))
        self._added.add(offset, end)
        self._pages += count
        self._page, self._chunks = end - PAGE_SIZE, 0 if size == _HEADER_SIZE else ALL_CHUNKS
        self._hash_pages(pages, unmeasured=tag == TAG_UNMEASRD)
        return True

    def _hash_pages(self, pages: memoryview, *, unmeasured: bool) -> None:
        if unmeasured:
            for start in range(0, len(pages), _PAGE_RECORDS_SIZE):
                self._hash.update(pages[start : start + _HEADER_SIZE])
        else:
            self._hash.update(pages)

    def record(self) -> None:
        """Take one record, and with it the data that follow. Raises InputError."""
        header = self._source.peek(_HEADER_SIZE)
        if len(header) < _HEADER_SIZE:
            self._source.take(_HEADER_SIZE, "a record")
        tag = bytes(header[:8])
        if tag == TAG_EADD:
            self._eadd(header)
        elif tag in (TAG_EEXTEND, TAG_UNMEASRD):
            self._chunk(header, measured=tag == TAG_EEXTEND)
        elif tag in (TAG_ECREATE, TAG_UNSIZED):
            raise self._source.error("the enclave is created a second time")
        else:
            raise self._source.error(f"unknown record {tag!r}")

    def _eadd(self, header: memoryview) -> None:
        _, offset, flags, reserved = EADD.unpack(header)
        self._refuse_reserved(reserved)
        if problem := self._eadd_problem(offset, offset + PAGE_SIZE, flags):
            raise self._source.error(f"EADD: {problem}")
        self._hash.update(header)
        self._source.skip(_HEADER_SIZE)
        self._added.add(offset, offset + PAGE_SIZE)
        self._pages += 1
        self._page, self._chunks = offset, 0

    def _eadd_problem(self, offset: int, end: int, flags: int) -> str:
        """What is wrong with pages of these SECINFO.FLAGS, if anything is."""
        if flags & ~_RIGHTS not in _TYPES:
            return f"SECINFO.FLAGS {flags:#x} are none that it takes"
        if flags & ~_RIGHTS == _TCS and flags != _TCS:
            rights = Permissions(flags & _RIGHTS).name
            return f"a TCS page with rights ({rights}), which the hardware would clear"
        if offset % PAGE_SIZE:
            return f"offset {offset:#x} is not that of a page"
        if end > self._size:
            return f"page {offset:#x} is outside of the enclave of {self._size:#x} bytes"
        problem = self._added.problem(offset, end)
        return f"page {offset:#x} {problem.value}" if problem else ""

    def _chunk(self, header: memoryview, *, measured: bool) -> None:
        _, offset, reserved = EEXTEND.unpack(header)
        name = "EEXTEND" if measured else "UNMEASRD"
        self._refuse_reserved(reserved)
        if offset % CHUNK_SIZE:
            raise self._source.error(f"{name}: offset {offset:#x} is not a multiple of {CHUNK_SIZE}")
        if offset - offset % PAGE_SIZE != self._page:
            raise self._source.error(f"{name}: {offset:#x} is not in the page that was added before")
        bit = 1 << (offset - self._page) // CHUNK_SIZE
        if self._chunks & bit:
            raise self._source.error(f"{name}: {offset:#x} comes a second time")
        self._chunks |= bit
        self._source.skip(_HEADER_SIZE)
        data = self._source.take(CHUNK_SIZE, f"the data of {name}")
        if measured:
            self._hash.update(header)
            self._hash.update(data)

    def _check_enclave(self) -> None:
        try:
            check_enclave(self._size, self._ssa_frame_size)
        except ValueError as exc:
            raise self._source.error(f"ECREATE: {exc}") from exc

    def _refuse_reserved(self, reserved: bytes) -> None:
        if any(reserved):
            raise self._source.error("reserved bytes of the record are not zero")


def _alike(pages: memoryview, count: int, offset: int, flags: int, tag: bytes | None) -> bool:
    """Whether `pages` are `count` pages with these flags from `offset` on, and with data if there is a tag.

    Compares all headers, one word of 64 bits of every page at a time.
    """
    words = pages.cast("Q")
    stride = len(words) // count
    return all(
        words[index::stride]
        == (array("Q", range(value, value + count * step, step)) if step else _repeated(value, count))
        for index, value, step in _header_words(offset, flags, tag)
    )


def _header_words(offset: int, flags: int, tag: bytes | None) -> Iterator[tuple[int, int, int]]:
    """Index and value of each word of the headers of a page, and what is added to it from page to page."""
    headers = [(0, TAG_EADD, offset, flags)]
    if tag is not None:
        chunk_words = _HEADER_WORDS + CHUNK_SIZE // 8
        headers += [(_HEADER_WORDS + i * chunk_words, tag, offset + i * CHUNK_SIZE, 0) for i in range(CHUNKS)]
    for at, name, place, third in headers:
        yield at, int.from_bytes(name, "little"), 0
        yield at + 1, place, PAGE_SIZE
        yield at + 2, third, 0
        yield from ((at + i, 0, 0) for i in range(3, _HEADER_WORDS))


@lru_cache(maxsize=32)
def _repeated(value: int, count: int) -> array[int]:
    return array("Q", [value]) * count
