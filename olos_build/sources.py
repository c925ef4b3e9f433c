"""Reading file contents out of many source files with few open descriptors."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from olos.errors import InputError
from olos.extent import Extent
from olos.tree import Inode

_MAX_OPEN = 64


class Sources:
    """Open source files, the least recently used closed first. A context manager."""

    def __init__(self) -> None:
        self._descriptors: OrderedDict[Path, int] = OrderedDict()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def descriptor(self, path: Path) -> int:
        """A descriptor that stays open at least until the next call. Raises InputError."""
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            if len(self._descriptors) >= _MAX_OPEN:
                os.close(self._descriptors.popitem(last=False)[1])
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as exc:
                raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
            self._descriptors[path] = descriptor
        self._descriptors.move_to_end(path)
        return descriptor

    def read(self, extent: Extent) -> bytes:
        """All bytes of an extent. Raises InputError if the file cannot be read or is too short."""
        descriptor = self.descriptor(extent.path)
        try:
            data = os.pread(descriptor, extent.size, extent.offset)
            while len(data) < extent.size:
                more = os.pread(descriptor, extent.size - len(data), extent.offset + len(data))
                if not more:
                    raise InputError(f"{extent.path}: became shorter while it was read")
                data += more
        except OSError as exc:
            raise InputError(f"{extent.path}: cannot be read: {exc.strerror}") from exc
        return data


def runs(inode: Inode, start: int, end: int) -> Iterator[tuple[int, Extent]]:
    """The parts of the content between two offsets that are not zeros by omission, with their offsets.

    Raises ValueError for segments that overlap, are out of order or lie outside of the file.
    """
    before = 0
    for segment in inode.content:
        stop = segment.offset + segment.extent.size
        if not before <= segment.offset <= stop <= inode.size:
            raise ValueError("segments of a file overlap, or lie outside of it")
        before = stop
        first, last = max(start, segment.offset), min(end, stop)
        if first < last:
            skip = first - segment.offset
            yield first, Extent(segment.extent.path, segment.extent.offset + skip, last - first)
