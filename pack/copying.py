"""Copying extents at the speed of the device: inside the kernel, and leaving out holes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from olos.errors import InputError
from olos.extent import Extent
from olos.progress import Task

_CHUNK = 16 << 20
_BUFFER = 1 << 20
_NOT_HERE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


def copy_extent(source: Extent, target: int, offset: int, task: Task) -> None:
    """Copy an extent to byte `offset` of the descriptor `target`, which holds zeros there.

    Raises InputError if the source cannot be read or is too short, OSError if the target
    cannot be written.
    """
    try:
        descriptor = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise InputError(f"{source.path}: cannot be read: {exc.strerror}") from exc
    position, end = source.offset, source.offset + source.size
    try:
        if os.fstat(descriptor).st_size < end:
            raise _too_short(source)
        for start, stop in _data_runs(descriptor, position, end):
            task.advance(start - position)
            position = start
            for count in _copy_run(descriptor, target, range(start, stop), offset - source.offset):
                if count == 0:  # the file became shorter meanwhile
                    raise _too_short(source)
                task.advance(count)
                position += count
        task.advance(end - position)
    finally:
        os.close(descriptor)


def _data_runs(descriptor: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The runs of `start … end` that are not holes. Where holes are unknown, all of it."""
    while start < end:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
            stop = os.lseek(descriptor, start, os.SEEK_HOLE)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole up to the end of the file
                return
            stop = end
        if start < end:
            yield start, min(stop, end)
        start = stop


def _copy_run(source: int, target: int, run: range, shift: int) -> Iterator[int]:
    """Copy the bytes `run` of one descriptor `shift` bytes further in another; yields how many at a time."""
    position, in_kernel = run.start, True
    while position < run.stop:
        size = min(run.stop - position, _CHUNK)
        try:
            if in_kernel:
                count = os.copy_file_range(source, target, size, position, position + shift)
            else:
                count = os.pwrite(target, os.pread(source, min(size, _BUFFER), position), position + shift)
        except OSError as exc:
            if not in_kernel or exc.errno not in _NOT_HERE:
                raise
            in_kernel = False
            continue
        yield count
        position += count


def _too_short(source: Extent) -> InputError:
    return InputError(f"{source.path}: shorter than the {source.offset + source.size} bytes it must have")
