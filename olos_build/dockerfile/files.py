"""Reading small text files that a build is made from."""

from __future__ import annotations

from pathlib import Path

from olos.files import read_limited

MAX_SIZE = 1 << 20


def read_text_file(path: Path, hint: str) -> bytes:
    """The bytes of a small regular file. Raises InputError."""
    return read_limited(path, MAX_SIZE, hint=hint, regular=True)
