"""Reading small files that the user names."""

from __future__ import annotations

from pathlib import Path

from olos.errors import InputError


def read_limited(path: Path, limit: int) -> bytes:
    """All of a file, which may be a pipe. Raises InputError if it has more than `limit` bytes."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(data) > limit:
        raise InputError(f"{path}: has more than {limit} bytes")
    return data
