"""The content of a regular file as a stream: its segments in order, zeros between them."""

from __future__ import annotations

import io
from bisect import bisect_right
from typing import BinaryIO, cast

from olos.sized_reader import SizedReader
from olos.tree import Inode


def open_content(inode: Inode) -> BinaryIO:
    """A read-only, seekable, buffered stream of the content. Reading raises InputError like `Extent.open`."""
    return cast("BinaryIO", io.BufferedReader(_ContentReader(inode), 1 << 16))


class _ContentReader(SizedReader):
    def __init__(self, inode: Inode) -> None:
        super().__init__(inode.size)
        self._segments = inode.content
        self._starts = [segment.offset for segment in inode.content]
        self._open: tuple[int, BinaryIO] | None = None

    def read_at(self, position: int, view: memoryview) -> int:
        """Bytes of one segment or of the gap behind it."""
        index = bisect_right(self._starts, position) - 1
        next_start = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
        wanted = min(len(view), next_start - position)
        inside = position - self._starts[index] if index >= 0 else 0
        if index < 0 or inside >= self._segments[index].extent.size:
            data = bytes(wanted)
        else:
            stream = self._stream(index)
            stream.seek(inside)
            data = stream.read(wanted)
        view[: len(data)] = data
        return len(data)

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
