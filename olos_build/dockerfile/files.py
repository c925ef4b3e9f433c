"""Reading small text files that a build is made from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from olos.errors import InputError

MAX_SIZE = 1 << 20


def read_text_file(path: Path, hint: str) -> bytes:
    """The bytes of a small regular file. Raises InputError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is not a regular file", hint=hint)
        # Not blocking: the name may have become a pipe meanwhile.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            content = stream.read(MAX_SIZE + 1)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}", hint=hint) from exc
    if len(content) > MAX_SIZE:
        raise InputError(f"{path}: larger than {MAX_SIZE} bytes", hint=hint)
    return content
