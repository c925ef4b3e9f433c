"""The content of a regular file as a stream: its segments in order, zeros between them."""

from __future__ import annotations

import io
from bisect import bisect_right
from typing import BinaryIO, cast

from olos.tree import Inode


def open_content(inode: Inode) -> BinaryIO:
    """A read-only, seekable, buffered stream of the content. Reading raises InputError like `Extent.open`."""
    return cast("BinaryIO", io.BufferedReader(_ContentReader(inode), 1 << 16))


class _ContentReader(io.RawIOBase):
    def __init__(self, inode: Inode) -> None:
        self._size, self._segments = inode.size, inode.content
        self._starts = [segment.offset for segment in inode.content]
        self._position = 0
        self._open: tuple[int, BinaryIO] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._some(min(len(view), self._size - self._position))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _some(self, wanted: int) -> bytes:
        """At most `wanted` bytes from here on, of one segment or the gap behind it."""
        if wanted <= 0:
            return b""
        index = bisect_right(self._starts, self._position) - 1
        next_start = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
        wanted = min(wanted, next_start - self._position)
        inside = self._position - self._starts[index] if index >= 0 else 0
        if index < 0 or inside >= self._segments[index].extent.size:
            return bytes(wanted)
        stream = self._stream(index)
        stream.seek(inside)
        return stream.read(wanted)

    def _stream(self, index: int) -> BinaryIO:
        if self._open is None or self._open[0] != index:
            self._shut()
            self._open = index, self._segments[index].extent.open()
        return self._open[1]

    def _shut(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def close(self) -> None:
        self._shut()
        super().close()
