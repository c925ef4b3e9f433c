"""MRENCLAVE: the SHA-256 that SGX hardware keeps while an enclave is loaded.

Intel SDM vol. 3D, chapter 40: ECREATE, EADD and EEXTEND each append one 64-byte record to
the hash; EEXTEND appends the 256 bytes it covers as well. All integers are little-endian.

Pages come in any order, with any gaps, and may be measured in part: the value is that of the
records as they come. The hardware refuses some enclaves that have a value all the same (an enclave
of one page, a page that can be written but not read, reserved bytes of a TCS); so does nobody here.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntFlag

from olos.digest import Digest

PAGE_SIZE = 4096
CHUNK_SIZE = 256

CHUNKS = PAGE_SIZE // CHUNK_SIZE
ALL_CHUNKS = (1 << CHUNKS) - 1

TAG_ECREATE, TAG_EADD, TAG_EEXTEND = b"ECREATE\0", b"EADD\0\0\0\0", b"EEXTEND\0"
ECREATE = struct.Struct("<8sIQ44s")  # tag, SSAFRAMESIZE in pages, SIZE in bytes, zeros
EADD = struct.Struct("<8sQQ40s")  # tag, offset in the enclave, SECINFO.FLAGS, zeros (the rest of SECINFO)
EEXTEND = struct.Struct("<8sQ48s")  # tag, offset in the enclave, zeros
MAX_SSA_FRAME_SIZE = (1 << 32) - 1


class Permissions(IntFlag):
    """Bits 0-2 of SECINFO.FLAGS (SDM vol. 3D, 34.12)."""

    R = 1
    W = 2
    X = 4


class PageType(Enum):
    """Bits 8-15 of SECINFO.FLAGS, for the page types that EADD takes (SDM vol. 3D, 34.12)."""

    TCS = 1
    REG = 2
    SS_FIRST = 5
    SS_REST = 6


@dataclass(frozen=True)
class Page:
    """One EADD: where, what, with which rights; `measured` says whether EEXTEND covers it.

    `chunks` says which 256 bytes of a measured page are covered: bit i those from byte 256 * i on.
    EADD clears STATE, DBGOPTIN, CSSA and AEP of a TCS; its `content` is what that leaves.
    """

    offset: int
    content: bytes
    permissions: Permissions
    type: PageType = PageType.REG
    measured: bool = True
    chunks: int = ALL_CHUNKS

    def __post_init__(self) -> None:
        if self.offset % PAGE_SIZE or not 0 <= self.offset < 1 << 64:
            raise ValueError(f"offset {self.offset} is not that of a page")
        if len(self.content) != PAGE_SIZE:
            raise ValueError(f"a page of {len(self.content)} bytes")
        if not 0 <= self.chunks <= ALL_CHUNKS:
            raise ValueError(f"{self.chunks:#x} is no set of {CHUNKS} chunks")

    @property
    def secinfo_flags(self) -> int:
        """SECINFO.FLAGS as EADD measures them; it clears the rights of a TCS page first."""
        rights = Permissions(0) if self.type is PageType.TCS else self.permissions
        return self.type.value << 8 | rights

    def records(self) -> Iterator[bytes]:
        """What EADD, and EEXTEND chunk by chunk, append to the hash."""
        yield EADD.pack(TAG_EADD, self.offset, self.secinfo_flags, b"")
        for chunk in range(CHUNKS if self.measured else 0):
            if self.chunks >> chunk & 1:
                start = chunk * CHUNK_SIZE
                yield EEXTEND.pack(TAG_EEXTEND, self.offset + start, b"")
                yield self.content[start : start + CHUNK_SIZE]


def mrenclave(pages: Iterable[Page], *, size: int, ssa_frame_size: int = 1) -> Digest:
    """The measurement of an enclave of `size` bytes, its pages added in the given order.

    `ssa_frame_size` is in pages. Raises ValueError for what has no such record: a size that is not a
    power of two, a frame size beyond 32 bits, a page outside.
    """
    check_enclave(size, ssa_frame_size)
    state = hashlib.sha256(ECREATE.pack(TAG_ECREATE, ssa_frame_size, size, b""))
    for page in pages:
        if page.offset >= size:
            raise ValueError(f"page at {page.offset} is outside of the enclave of {size} bytes")
        state.update(b"".join(page.records()))
    return Digest("sha256", state.digest())


def check_enclave(size: int, ssa_frame_size: int) -> None:
    """Raise ValueError unless ECREATE takes this size in bytes and this size of an SSA frame in pages."""
    if size < PAGE_SIZE or size & (size - 1) or size >= 1 << 64:
        raise ValueError(f"enclave size {size} is not a power of two of at least one page")
    if not 1 <= ssa_frame_size <= MAX_SSA_FRAME_SIZE:
        raise ValueError(f"SSA frame size {ssa_frame_size} is not from 1 to {MAX_SSA_FRAME_SIZE} pages")
