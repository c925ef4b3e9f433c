"""Measuring an SGXS stream from a file or standard input. Knows nothing of the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from measure.sgxs import Enclave, measure
from olos.errors import InputError
from olos.files import open_input
from olos.progress import Progress

STANDARD_INPUT = Path("-")


def measure_stream(path: Path, progress: Progress) -> Enclave:
    """Measure the stream in a file; `-` is standard input. Raises InputError."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise InputError("standard input: is closed")
        return measure(sys.stdin.buffer, progress, where="standard input")
    try:
        with open_input(path) as stream:
            return measure(stream, progress, where=str(path))
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
