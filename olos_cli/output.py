"""Standard output carries the result of a command and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from olos.errors import InputError


def write_lines(lines: Iterable[str]) -> None:
    """Write lines and flush. Raises BrokenPipeError if nobody reads, InputError if there is no room."""
    for line in lines:
        with _translated():
            sys.stdout.write(line + "\n")
    flush()


def write_chunks(chunks: Iterable[bytes]) -> None:
    """Write bytes as they are and flush. Raises like `write_lines`."""
    for chunk in chunks:
        with _translated():
            sys.stdout.buffer.write(chunk)
    flush()


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
