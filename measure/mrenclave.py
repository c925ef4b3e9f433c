"""MRENCLAVE: the SHA-256 that SGX hardware keeps while an enclave is loaded.

Intel SDM vol. 3D, chapter 39: ECREATE, EADD and EEXTEND each append one 64-byte record to
the hash; EEXTEND appends the 256 bytes it covers as well. All integers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntFlag

from olos.digest import Digest

PAGE_SIZE = 4096
CHUNK_SIZE = 256

_ECREATE = struct.Struct("<8sIQ44x")  # tag, SSAFRAMESIZE in pages, SIZE in bytes
_EADD = struct.Struct("<8sQQ40x")  # tag, offset in the enclave, SECINFO.FLAGS and the rest of SECINFO
_EEXTEND = struct.Struct("<8sQ48x")  # tag, offset in the enclave


class Permissions(IntFlag):
    """Bits 0-2 of SECINFO.FLAGS (SDM vol. 3D, 34.12)."""

    R = 1
    W = 2
    X = 4


class PageType(Enum):
    """Bits 8-15 of SECINFO.FLAGS, for the page types that EADD takes at build time."""

    TCS = 1
    REG = 2


@dataclass(frozen=True)
class Page:
    """One EADD: where, what, with which rights; `measured` says whether EEXTEND covers it."""

    offset: int
    content: bytes
    permissions: Permissions
    type: PageType = PageType.REG
    measured: bool = True

    def __post_init__(self) -> None:
        if self.offset % PAGE_SIZE or not 0 <= self.offset < 1 << 64:
            raise ValueError(f"offset {self.offset} is not that of a page")
        if len(self.content) != PAGE_SIZE:
            raise ValueError(f"a page of {len(self.content)} bytes")

    @property
    def secinfo_flags(self) -> int:
        """SECINFO.FLAGS as EADD measures them; it clears the rights of a TCS page first."""
        rights = Permissions(0) if self.type is PageType.TCS else self.permissions
        return self.type.value << 8 | rights


def mrenclave(pages: Iterable[Page], *, size: int, ssa_frame_size: int = 1) -> Digest:
    """The measurement of an enclave of `size` bytes, its pages added in the given order.

    `ssa_frame_size` is in pages. Raises ValueError for a size that ECREATE refuses.
    """
    if size < PAGE_SIZE or size & (size - 1) or size >= 1 << 64:
        raise ValueError(f"enclave size {size} is not a power of two of at least one page")
    state = hashlib.sha256(_ECREATE.pack(b"ECREATE", ssa_frame_size, size))
    for page in pages:
        if page.offset >= size:
            raise ValueError(f"page at {page.offset} is outside of the enclave of {size} bytes")
        state.update(_EADD.pack(b"EADD", page.offset, page.secinfo_flags))
        if page.measured:
            for start in range(0, PAGE_SIZE, CHUNK_SIZE):
                state.update(_EEXTEND.pack(b"EEXTEND", page.offset + start))
                state.update(page.content[start : start + CHUNK_SIZE])
    return Digest("sha256", state.digest())
