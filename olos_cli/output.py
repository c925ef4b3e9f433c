"""Standard output carries the result of a command and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from olos.errors import InputError


def write_lines(lines: Iterable[str]) -> None:
    """Write lines and flush. Raises BrokenPipeError if nobody reads, InputError if there is no room."""
    encoding = sys.stdout.encoding
    write_chunks(f"{line}\n".encode(encoding, "backslashreplace") for line in lines)


def write_chunks(chunks: Iterable[bytes]) -> None:
    """Write bytes as they are and flush. Raises like `write_lines`."""
    for chunk in chunks:
        with _translated():
            _write_all(chunk)
    flush()


def _write_all(data: bytes) -> None:
    # With PYTHONUNBUFFERED there is no buffer below, and a write may take less than all.
    while data:
        data = data[sys.stdout.buffer.write(data) :]


def flush() -> None:
    """Write what is still buffered. Raises like `write_lines`."""
    with _translated():
        sys.stdout.flush()


def drop() -> None:
    """Let what is still buffered go nowhere, so that Python can end quietly."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as exc:
        drop()
        raise InputError(f"standard output: cannot be written: {exc.strerror}") from exc
