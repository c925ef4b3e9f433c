"""Times in the headers of archives: gzip (RFC 1952), zip (APPNOTE 4.3), ar (`<ar.h>`)."""

from __future__ import annotations

import struct

from measure.diff.model import Cause

_GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_TIME = slice(4, 8)

_ZIP_END = b"PK\x05\x06"
_ZIP_CENTRAL = b"PK\x01\x02"
_ZIP_LOCAL = b"PK\x03\x04"
_ZIP_CENTRAL_SIZE = 46
_ZIP_LOCAL_SIZE = 30
_ZIP_TIMED_EXTRAS = {0x5455, 0x5855, 0x000A}  # extended timestamp, Info-ZIP Unix, NTFS

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_AR_TIME = slice(16, 28)


class Gzip:
    """MTIME of the first member."""

    cause = Cause(
        "gzip-mtime",
        "gzip wrote the time of the build into the header of a file.",
        "Call 'gzip -n', or in Python gzip.compress(data, mtime=0).",
    )
    shows = False

    def hide(self, path: bytes, data: bytes) -> bytes:
        if not data.startswith(_GZIP_MAGIC):
            return data
        return data[: _GZIP_TIME.start] + bytes(4) + data[_GZIP_TIME.stop :]


class Zip:
    """Times of the members, in both of their headers and in extra fields. Also jars and wheels."""

    cause = Cause(
        "zip-time",
        "A zip or jar holds the modification times of its members.",
        "Call 'touch -d @315532800' on all files and then 'zip -X', or 'jar --date=1980-01-01T00:00:02Z'.",
    )
    shows = False

    def hide(self, path: bytes, data: bytes) -> bytes:
        end = data.rfind(_ZIP_END)
        if not data.startswith(_ZIP_LOCAL) or end < 0 or len(data) < end + 22:
            return data
        result = bytearray(data)
        position: int = struct.unpack_from("<I", data, end + 16)[0]
        seen = 0
        while data[position : position + 4] == _ZIP_CENTRAL and position + _ZIP_CENTRAL_SIZE <= end:
            name, extra, comment = struct.unpack_from("<HHH", data, position + 28)
            local: int = struct.unpack_from("<I", data, position + 42)[0]
            result[position + 12 : position + 16] = bytes(4)
            _hide_extras(result, position + _ZIP_CENTRAL_SIZE + name, extra)
            # Members lie in the order of the directory; what goes back would let hostile headers share bytes.
            if local >= seen:
                seen = _hide_local(result, local)
            position += _ZIP_CENTRAL_SIZE + name + extra + comment
        return bytes(result)


def _hide_local(data: bytearray, position: int) -> int:
    """Hide the times of a local header; gives where it ends."""
    if data[position : position + 4] != _ZIP_LOCAL or position + _ZIP_LOCAL_SIZE > len(data):
        return position
    name: int
    extra: int
    name, extra = struct.unpack_from("<HH", data, position + 26)
    data[position + 10 : position + 14] = bytes(4)
    _hide_extras(data, position + _ZIP_LOCAL_SIZE + name, extra)
    return position + _ZIP_LOCAL_SIZE + name + extra


def _hide_extras(data: bytearray, position: int, length: int) -> None:
    end = min(position + length, len(data))
    while position + 4 <= end:
        kind, size = struct.unpack_from("<HH", data, position)
        position += 4
        stop = min(position + size, end)
        if kind in _ZIP_TIMED_EXTRAS:
            data[position:stop] = bytes(stop - position)
        position = stop


class Ar:
    """Times of the members of a static library."""

    cause = Cause(
        "ar-time",
        "A static library holds the modification times of its members.",
        "Make it by 'ar -D' and 'ranlib -D' (make ARFLAGS=Drv).",
    )
    shows = False

    def hide(self, path: bytes, data: bytes) -> bytes:
        if not data.startswith(_AR_MAGIC):
            return data
        result = bytearray(data)
        position = len(_AR_MAGIC)
        while data[position + 58 : position + _AR_HEADER] == b"`\n":
            result[position + _AR_TIME.start : position + _AR_TIME.stop] = b" " * 12
            digits = data[position + 48 : position + 58].strip()
            size = int(digits) if digits.isdigit() else 0
            position += _AR_HEADER + size + size % 2
        return bytes(result)
