"""MRENCLAVE against a second implementation, written from the SDM's pseudo code byte by byte."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.mrenclave import Page, PageType, Permissions, mrenclave
from measure.regions import measurement, regions
from support.manifests import manifest_of

PAGES = st.lists(
    st.builds(
        Page,
        offset=st.integers(0, 15).map(lambda n: n * 4096),
        content=st.binary(min_size=1, max_size=16).map(lambda b: (b * 4096)[:4096]),
        permissions=st.integers(0, 7).map(Permissions),
        type=st.sampled_from(PageType),
        measured=st.booleans(),
        chunks=st.just(0xFFFF) | st.integers(0, 0xFFFF),
    ),
    max_size=5,
)


class SlowEnclave:
    """SDM vol. 3D, 40.3: ECREATE, EADD, EEXTEND; TMPUPDATEFIELD is 64 bytes, written one by one."""

    def __init__(self, ssa_frame_size: int, size: int) -> None:
        self.log = bytearray()
        field = self._field("ECREATE")
        self._put(field, 8, ssa_frame_size, 4)
        self._put(field, 12, size, 8)
        self.log += field

    @staticmethod
    def _field(tag: str) -> bytearray:
        field = bytearray(64)
        for i, letter in enumerate(tag):
            field[i] = ord(letter)
        return field

    @staticmethod
    def _put(field: bytearray, at: int, value: int, width: int) -> None:
        for i in range(width):
            field[at + i] = (value >> (8 * i)) & 0xFF

    def eadd(self, offset: int, read: bool, write: bool, execute: bool, page_type: int) -> None:
        field = self._field("EADD")
        self._put(field, 8, offset, 8)
        secinfo = bytearray(64)
        if page_type != 1:  # "for TCS pages, force EPCM.rwx bits to 0"
            secinfo[0] = (1 if read else 0) | (2 if write else 0) | (4 if execute else 0)
        secinfo[1] = page_type
        for i in range(48):
            field[16 + i] = secinfo[i]
        self.log += field

    def eextend(self, offset: int, chunk: bytes) -> None:
        field = self._field("EEXTEND")
        self._put(field, 8, offset, 8)
        self.log += field
        for start in range(0, 256, 64):
            self.log += chunk[start : start + 64]

    def finish(self) -> bytes:
        assert len(self.log) % 64 == 0
        return hashlib.sha256(bytes(self.log)).digest()


def slowly(pages: list[Page], size: int, ssa_frame_size: int) -> bytes:
    enclave = SlowEnclave(ssa_frame_size, size)
    for page in pages:
        rights = page.permissions
        enclave.eadd(page.offset, bool(rights & 1), bool(rights & 2), bool(rights & 4), page.type.value)
        if page.measured:
            for at in [256 * i for i in range(16) if page.chunks & 1 << i]:
                enclave.eextend(page.offset + at, page.content[at : at + 256])
    return enclave.finish()


@settings(max_examples=60, deadline=None)
@given(PAGES, st.integers(1, 4) | st.integers(1, 2**32 - 1))
def test_agrees_with_the_manual(pages: list[Page], ssa_frame_size: int) -> None:
    size = 16 * 4096
    assert mrenclave(pages, size=size, ssa_frame_size=ssa_frame_size).value == slowly(
        pages, size, ssa_frame_size
    )


def test_the_measurement_is_that_of_five_regions() -> None:
    manifest = manifest_of(env=tuple(f"V{i}={'x' * 100}" for i in range(100)))
    pages: list[Page] = []
    for name, rights in (("kernel", 5), ("crt", 5), ("rootfs", 1), ("app", 1), ("policy", 1)):
        data = manifest.section(name)
        while data:
            pages.append(Page(len(pages) * 4096, data[:4096].ljust(4096, b"\0"), Permissions(rights)))
            data = data[4096:]
    assert len(pages) == 7  # the app's section takes three pages
    assert measurement(manifest).value == slowly(pages, 8 * 4096, 1)


def test_a_power_of_two_of_pages_needs_no_larger_enclave() -> None:
    manifest = manifest_of(env=tuple(f"V{i}={'x' * 100}" for i in range(130)))
    parts = regions(manifest)
    pages = [page for part in parts for page in part.pages()]
    assert len(pages) == 8
    assert measurement(manifest).value == slowly(pages, 8 * 4096, 1)


CLASSES = {
    "tcs": ((PageType.TCS, 0),),
    "r": ((PageType.REG, 1),),
    "rw": ((PageType.REG, 3),),
    "rwx": ((PageType.REG, 7),),
    "rx": ((PageType.REG, 5),),
    "long": ((PageType.TCS, 0), (PageType.REG, 1), (PageType.REG, 1)),
}
# Pages of bytes 123 from offset 0 on in the smallest enclave, as the tests of the Rust crate `sgx` of
# the Enarx project have them (src/crypto/mod.rs, Apache-2.0): code that shares nothing with ours, and was
# checked by its authors against the enclave of Linux' SGX selftest.
PUBLISHED = {
    "tcs": "e65386abb3825eef720dca6fad7e65b92c6081385c07f6631155f5cfc9093341",
    "r": "007570d409d7640c631e66ecbb672790fb21bf70195f8cfbc9d171bb0f470ff2",
    "rw": "81b8355b859127cdb0b6dc2524c68b5b94b56274167aaeadad3b27d1a52f08db",
    "rwx": "afd1e92d30bd76928b6e3fc038774245f6748ece3a61baad3b6e7a13abed5006",
    "rx": "4ccfa9f06b01a6ec6c355b6b87ee7b8423f6e61ffe0603af230227af72fe4937",
    "long": "e90b112375a3c46a8e89a9826c6c33051df198be09f51b1055ad115a2b7c2e54",
}


@pytest.mark.parametrize("name", CLASSES)
def test_published_values(name: str) -> None:
    pages = [
        Page(number * 4096, bytes([123]) * 4096, Permissions(rights), kind)
        for number, (kind, rights) in enumerate(CLASSES[name])
    ]
    size = 4096 if len(pages) == 1 else 4 * 4096
    assert mrenclave(pages, size=size).hex == PUBLISHED[name]


@pytest.mark.parametrize("frame_size", [0, -1, 1 << 32])
def test_refuses_frame_sizes_that_are_none(frame_size: int) -> None:
    with pytest.raises(ValueError, match="SSA frame size"):
        mrenclave([], size=8192, ssa_frame_size=frame_size)


@pytest.mark.parametrize("chunks", [-1, 1 << 16])
def test_refuses_chunks_outside_of_the_page(chunks: int) -> None:
    with pytest.raises(ValueError, match="chunks"):
        Page(0, bytes(4096), Permissions.R, chunks=chunks)


@pytest.mark.parametrize("size", [0, 4095, 4097, 3 * 4096, 1 << 64])
def test_refuses_sizes_that_ecreate_refuses(size: int) -> None:
    with pytest.raises(ValueError, match="enclave size"):
        mrenclave([], size=size)


def test_refuses_pages_outside() -> None:
    with pytest.raises(ValueError, match="outside"):
        mrenclave([Page(4096, bytes(4096), Permissions.R)], size=4096)


@pytest.mark.parametrize("offset", [-4096, 1, 4095])
def test_refuses_offsets_within_a_page(offset: int) -> None:
    with pytest.raises(ValueError, match="offset"):
        Page(offset, bytes(4096), Permissions.R)


def test_golden() -> None:
    """The format is pinned by people: a change here is a breaking change (see CHANGELOG.md)."""
    golden = Path(__file__).parent.parent.parent / "golden" / "measurement.txt"
    assert measurement(manifest_of()).hex == golden.read_text().split()[0]
