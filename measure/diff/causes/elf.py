"""Build identities in ELF files: the note NT_GNU_BUILD_ID and the section `.gnu_debuglink`."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from measure.diff.model import Cause

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NOTE = struct.Struct("<III")
_SHT_NOTE = 7
_NT_GNU_BUILD_ID = 3
_GNU = b"GNU\0"
_DEBUGLINK = b".gnu_debuglink"


class BuildId:
    """The bytes that a linker or stripper computed from everything else, debug information included."""

    cause = Cause(
        "elf-build-id",
        "A program has another build id but the same code: paths in debug information went into the id.",
        "Compile with -ffile-prefix-map=$PWD=. in a fixed directory, or link with -Wl,--build-id=none.",
    )
    shows = False

    def hide(self, path: bytes, data: bytes) -> bytes:
        if not data.startswith(_MAGIC) or len(data) < _HEADER.size:
            return data
        result = bytearray(data)
        for start, stop in _places(data):
            if start < stop <= len(data):
                result[start:stop] = bytes(stop - start)
        return bytes(result)


def _places(data: bytes) -> Iterator[tuple[int, int]]:
    names = _names(data)
    for name, kind, _, _, offset, size, *_ in _sections(data):
        if kind == _SHT_NOTE and offset + _NOTE.size <= len(data):
            name_size, value_size, note = _NOTE.unpack_from(data, offset)
            start = offset + _NOTE.size + name_size
            if note == _NT_GNU_BUILD_ID and data[offset + _NOTE.size : start] == _GNU:
                yield start, min(start + value_size, offset + size)
        elif data[names + name : names + name + len(_DEBUGLINK) + 1] == _DEBUGLINK + b"\0":
            yield offset, offset + size


def _sections(data: bytes) -> Iterator[tuple[int, ...]]:
    header = _HEADER.unpack_from(data)
    start, size, count = header[6], header[11], header[12]
    if size != _SECTION.size or start + count * size > len(data):
        return
    for index in range(count):
        yield _SECTION.unpack_from(data, start + index * size)


def _names(data: bytes) -> int:
    """Where the names of sections begin; behind the end if there are none."""
    index = _HEADER.unpack_from(data)[13]
    for number, section in enumerate(_sections(data)):
        if number == index:
            return section[4]
    return len(data)
