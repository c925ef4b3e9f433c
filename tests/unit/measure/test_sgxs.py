"""SGXS streams: against the page list they were written from, and streams that break a rule."""

import hashlib
import io
import random
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.mrenclave import Page, PageType, Permissions, mrenclave
from measure.sgxs import Enclave, measure
from olos.errors import InputError
from olos.progress import SILENT
from support.sgxs import chunk, eadd, ecreate, page_records, stream_of

SIZE = 1 << 20
DATA = bytes(range(256))
FULL = ecreate(SIZE) + eadd(0) + b"".join(chunk(at, DATA) for at in range(0, 4096, 256))
PARTS = ecreate(SIZE) + eadd(0) + chunk(0, DATA) + chunk(256, DATA, measured=False)


def measured(stream: bytes) -> Enclave:
    return measure(io.BytesIO(stream), SILENT, where="the stream")


@st.composite
def page_lists(draw: st.DrawFn) -> list[Page]:
    """Pages in any order; runs of alike pages are likely, whole pages too."""
    pages: list[Page] = []
    for offset in draw(st.lists(st.integers(0, 255), unique=True, max_size=8)):
        like_before = bool(pages) and draw(st.booleans())
        kind = pages[-1].type if like_before else draw(st.sampled_from(PageType))
        pages.append(
            Page(
                offset=offset * 4096,
                content=(draw(st.binary(min_size=1, max_size=8)) * 4096)[:4096],
                permissions=pages[-1].permissions if like_before else Permissions(draw(st.integers(0, 7))),
                type=kind,
                measured=draw(st.booleans()),
                chunks=draw(st.sampled_from([0xFFFF, 0xFFFF, 0, 1, 0x8000]) | st.integers(0, 0xFFFF)),
            )
        )
    return pages


@settings(max_examples=80)
@given(page_lists(), st.integers(1, 2**32 - 1), st.booleans())
def test_a_stream_has_the_value_of_its_pages(
    pages: list[Page], ssa_frame_size: int, unmeasured: bool
) -> None:
    enclave = measured(stream_of(pages, SIZE, ssa_frame_size, unmeasured=unmeasured))
    assert enclave.measurement == mrenclave(pages, size=SIZE, ssa_frame_size=ssa_frame_size)
    assert (enclave.size, enclave.ssa_frame_size, enclave.pages) == (SIZE, ssa_frame_size, len(pages))


@settings(max_examples=40)
@given(page_lists(), st.integers(0, 2**32))
def test_without_unmeasured_records_it_is_the_hash_of_the_stream(pages: list[Page], seed: int) -> None:
    stream = stream_of(pages, SIZE, unmeasured=False)
    assert measured(stream).measurement.value == hashlib.sha256(stream).digest()
    assert measured(stream).stream_size == len(stream)


def test_chunks_of_a_page_in_any_order() -> None:
    records = [chunk(at, DATA) for at in range(0, 4096, 256)]
    random.Random(1).shuffle(records)
    stream = ecreate(SIZE) + eadd(0) + b"".join(records)
    assert measured(stream).measurement.value == hashlib.sha256(stream).digest()


def test_an_empty_enclave() -> None:
    assert measured(ecreate(8192)).measurement.value == hashlib.sha256(ecreate(8192)).digest()
    assert measured(ecreate(8192)).pages == 0


class Slowly(io.RawIOBase):
    """A stream that gives as much as it likes, as pipes and sockets do."""

    def __init__(self, data: bytes) -> None:
        self._data, self._random = io.BytesIO(data), random.Random(7)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._random.choice([1, 63, 64, 5184, 70_000]))


def test_a_stream_in_pieces() -> None:
    pages = [Page(i * 4096, bytes([i % 256]) * 4096, Permissions.R, chunks=0xFFFF - i) for i in range(100)]
    stream = stream_of(pages, SIZE)
    pieces = Slowly(stream)
    assert measure(cast("BinaryIO", pieces), SILENT, where="pieces") == measured(stream)


class Terminal(io.BytesIO):
    """A stream that has more to say after its end."""

    ended = False

    def read(self, size: int | None = -1) -> bytes:
        assert not self.ended
        data = super().read(size)
        self.ended = not data
        return data


def test_an_end_is_an_end() -> None:
    assert measure(Terminal(PARTS), SILENT, where="a terminal") == measured(PARTS)


def repeated(header: int, replacement: bytes, stream: bytes = PARTS) -> bytes:
    """The stream with other bytes at a place."""
    return stream[:header] + replacement + stream[header + len(replacement) :]


AFTER_ECREATE, AFTER_EADD = 64, 128

BROKEN = {
    "nothing": (b"", 0, "the first record is not ECREATE"),
    "no-ecreate": (PARTS[64:], 0, "the first record is not ECREATE"),
    "unsized": (ecreate(SIZE, tag=b"UNSIZED\0") + PARTS[64:], 0, "UNSIZED: the size"),
    "ecreate-cut": (PARTS[:63], 0, "the stream ends here, 63 bytes into a record of 64"),
    "ecreate-reserved": (repeated(63, b"\1"), 0, "reserved bytes of the record are not zero"),
    "size-no-power": (ecreate(3 * 4096), 0, "ECREATE: enclave size 12288 is not a power of two"),
    "size-zero": (ecreate(0), 0, "ECREATE: enclave size 0"),
    "frame-size-zero": (ecreate(SIZE, 0), 0, "ECREATE: SSA frame size 0"),
    "second-ecreate": (PARTS + ecreate(SIZE), len(PARTS), "created a second time"),
    "second-unsized": (PARTS + ecreate(SIZE, tag=b"UNSIZED\0"), len(PARTS), "created a second time"),
    "unknown-tag": (PARTS + b"EINIT".ljust(64, b"\0"), len(PARTS), r"unknown record b'EINIT\x00\x00\x00'"),
    "lower-case": (PARTS + b"eadd".ljust(64, b"\0"), len(PARTS), "unknown record"),
    "zeros-behind": (PARTS + bytes(64), len(PARTS), "unknown record"),
    "record-cut": (PARTS + eadd(4096)[:-1], len(PARTS), "63 bytes into a record of 64"),
    "one-byte-behind": (FULL + b"E", len(FULL), "1 bytes into a record of 64"),
    "data-missing": (PARTS[:-256], len(PARTS) - 256, "0 bytes into the data of UNMEASRD of 256"),
    "data-cut": (FULL[:-1], len(FULL) - 256, "255 bytes into the data of EEXTEND of 256"),
    "eadd-reserved": (repeated(AFTER_EADD - 1, b"\1"), AFTER_ECREATE, "reserved bytes"),
    "eadd-in-a-page": (ecreate(SIZE) + eadd(256), 64, "EADD: offset 0x100 is not that of a page"),
    "eadd-outside": (ecreate(SIZE) + eadd(SIZE), 64, "is outside of the enclave of 0x100000 bytes"),
    "eadd-far-outside": (ecreate(1 << 63) + eadd(2**64 - 4096), 64, "is outside of the enclave"),
    "eadd-pending": (ecreate(SIZE) + eadd(0, 0x20D), 64, "EADD: SECINFO.FLAGS 0x20d are none"),
    "eadd-high-bits": (ecreate(SIZE) + eadd(0, 0x10205), 64, "EADD: SECINFO.FLAGS 0x10205 are none"),
    "eadd-secs": (ecreate(SIZE) + eadd(0, 0x005), 64, "EADD: SECINFO.FLAGS 0x5 are none"),
    "eadd-trim": (ecreate(SIZE) + eadd(0, 0x400), 64, "EADD: SECINFO.FLAGS 0x400 are none"),
    "tcs-with-rights": (ecreate(SIZE) + eadd(0, 0x103), 64, "EADD: a TCS page with rights (R|W)"),
    "page-twice": (FULL + FULL[64:], len(FULL), "EADD: page 0x0 is added a second time"),
    "page-twice-later": (FULL + eadd(4096) + eadd(8192) + eadd(4096), len(FULL) + 128, "0x1000 is added a"),
    "chunk-twice": (PARTS + chunk(0, DATA), len(PARTS), "EEXTEND: 0x0 comes a second time"),
    "chunk-of-full-page": (FULL + chunk(256, DATA), len(FULL), "EEXTEND: 0x100 comes a second time"),
    "chunk-again-unmeasured": (FULL + chunk(0, DATA, measured=False), len(FULL), "UNMEASRD: 0x0 comes a"),
    "chunk-before-page": (ecreate(SIZE) + chunk(0, DATA), 64, "EEXTEND: 0x0 is not in the page"),
    "chunk-of-another-page": (PARTS + chunk(4096, DATA), len(PARTS), "0x1000 is not in the page"),
    "chunk-of-earlier-page": (PARTS + eadd(4096) + chunk(512, DATA), len(PARTS) + 64, "0x200 is not in"),
    "chunk-in-between": (PARTS + chunk(640, DATA), len(PARTS), "0x280 is not a multiple of 256"),
    "eextend-reserved": (repeated(AFTER_EADD + 16, b"\1"), AFTER_EADD, "reserved bytes"),
    "eextend-reserved-in-full-page": (repeated(128 + 320 * 9 + 63, b"\1", FULL), 128 + 320 * 9, "reserved"),
    "unmeasrd-reserved": (repeated(AFTER_EADD + 320 + 63, b"\1"), AFTER_EADD + 320, "reserved bytes"),
}


@pytest.mark.parametrize(("stream", "at", "says"), BROKEN.values(), ids=BROKEN)
def test_refuses(stream: bytes, at: int, says: str) -> None:
    with pytest.raises(InputError) as caught:
        measured(stream)
    assert caught.value.message.startswith(f"the stream: not SGXS: at byte {at}: ")
    assert says in caught.value.message


@pytest.mark.parametrize("pages", [1, 2, 3, 30, 1000])
def test_a_fault_in_a_long_run_is_found_where_it_is(pages: int) -> None:
    """The place is the same whether pages are taken one by one or many at once."""
    records = [page_records(Page(i * 4096, DATA * 16, Permissions.R)) for i in range(pages)]
    good = ecreate(1 << 30) + b"".join(records)
    assert measured(good).measurement.value == hashlib.sha256(good).digest()
    with pytest.raises(InputError, match=f"at byte {len(good)}: EADD: page 0x0 is added a second time"):
        measured(good + records[0])
    bad = bytearray(good)
    bad[-2 * 320 + 63] ^= 1  # reserved, of the last header but one
    with pytest.raises(InputError, match=f"at byte {len(good) - 2 * 320}: reserved"):
        measured(bytes(bad))


@settings(max_examples=300)
@given(st.data())
def test_any_changed_byte_is_refused_or_gives_another_value(data: st.DataObject) -> None:
    stream = bytearray(PARTS + page_records(Page(4096, DATA * 16, Permissions.R)) + eadd(8192))
    position = data.draw(st.integers(0, len(stream) - 1))
    before = measured(bytes(stream)).measurement
    stream[position] ^= data.draw(st.integers(1, 255))
    unmeasured = 64 + 64 + 320 + 64 <= position < 64 + 64 + 320 + 320
    try:
        after = measured(bytes(stream)).measurement
    except InputError:
        assert not unmeasured
    else:
        assert (after == before) == unmeasured


class Endless(io.RawIOBase):
    """Pages with gaps between them, as many as are asked for, never all in memory."""

    def __init__(self, offsets: Iterator[int]) -> None:
        self._offsets, self._first = offsets, ecreate(1 << 62)

    def read(self, size: int = -1) -> bytes:
        first, self._first = self._first, b""
        return first + b"".join(map(eadd, islice(self._offsets, 1000)))


def test_gaps_without_end_need_no_memory() -> None:
    count = 8_000
    stream = cast("BinaryIO", Endless(iter(range(0, count * 8192, 8192))))
    tracemalloc.start()
    assert measure(stream, SILENT, where="gaps").pages == count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_pages_that_go_back_too_far_behind_too_many_gaps() -> None:
    offsets = [*range(0, 5000 * 8192, 8192), 4096]
    with pytest.raises(InputError, match="page 0x1000 comes too late"):
        measured(ecreate(1 << 40) + b"".join(map(eadd, offsets)))


def test_pages_backwards() -> None:
    stream = ecreate(1 << 40) + b"".join(map(eadd, range(9000 * 4096, -1, -4096)))
    assert measured(stream).measurement.value == hashlib.sha256(stream).digest()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    stream = cast("BinaryIO", Failing())
    with pytest.raises(InputError, match="x: cannot be read: Input/output error"):
        measure(stream, SILENT, where="x")
