"""Reading files that the user names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from olos.errors import InputError


def open_input(path: Path) -> BinaryIO:
    """Open a file to read, which may be a pipe. Raises OSError.

    A named pipe into which nobody writes is empty: nobody is kept waiting for whoever might.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def read_limited(path: Path, limit: int, *, hint: str | None = None, regular: bool = False) -> bytes:
    """All of a file. Raises InputError if it is larger, or should be `regular` and is not."""
    try:
        with open_input(path) as stream:
            if regular and not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InputError(f"{path}: is not a regular file", hint=hint)
            data = stream.read(limit + 1)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}", hint=hint) from exc
    if len(data) > limit:
        raise InputError(f"{path}: has more than {limit} bytes", hint=hint)
    return data
