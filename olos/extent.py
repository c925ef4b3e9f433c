"""Extents: a run of bytes of a file, for instance a component inside a package."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from olos.errors import InputError
from olos.sized_reader import SizedReader


@dataclass(frozen=True, slots=True)
class Extent:
    """`size` bytes of the file at `path`, from byte `offset` on."""

    path: Path
    offset: int
    size: int

    @classmethod
    def of_file(cls, path: Path) -> Extent:
        """All of a regular file. Raises InputError if it is none."""
        try:
            status = path.stat()
        except OSError as exc:
            raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is not a regular file")
        return cls(path, 0, status.st_size)

    def open(self) -> BinaryIO:
        """A read-only, seekable, buffered stream of just these bytes.

        Raises InputError if the file cannot be read or is too short.
        """
        raw = _ExtentReader(self._descriptor(), self.offset, self.size)
        return cast("BinaryIO", io.BufferedReader(raw, 1 << 16))

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """A read-only descriptor of the whole file, for pread at `offset` and behind. Raises like `open`."""
        descriptor = self._descriptor()
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _descriptor(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise InputError(f"{self.path}: cannot be read: {exc.strerror}") from exc
        if os.fstat(descriptor).st_size < self.offset + self.size:
            os.close(descriptor)
            raise InputError(f"{self.path}: shorter than the {self.offset + self.size} bytes it must have")
        return descriptor

    def read(self, limit: int) -> bytes:
        """All the bytes. Raises InputError if there are more than `limit`."""
        if self.size > limit:
            raise InputError(f"{self.path}: {self.size} bytes where at most {limit} are expected")
        with self.open() as stream:
            return stream.read()


class _ExtentReader(SizedReader):
    """Raw reader of an extent over a descriptor, which it owns. Uses pread, never seeks it."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        super().__init__(size)
        self._descriptor, self._offset = descriptor, offset

    def read_at(self, position: int, view: memoryview) -> int:
        return os.preadv(self._descriptor, [view], self._offset + position)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
