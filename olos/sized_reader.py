"""What raw readers of a known size share: a position, and seeking it."""

from __future__ import annotations

import io
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class SizedReader(io.RawIOBase):
    """Raw, read-only, seekable stream of `size` bytes."""

    def __init__(self, size: int) -> None:
        self._size, self._position = size, 0

    @abstractmethod
    def read_at(self, position: int, view: memoryview) -> int:
        """Fill the start of `view`, which is not empty and ends within the size; returns how many bytes."""

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

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._position))
        if wanted == 0:
            return 0
        count = self.read_at(self._position, view[:wanted])
        self._position += count
        return count
