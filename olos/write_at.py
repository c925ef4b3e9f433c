"""Writing at a place of an open file."""

from __future__ import annotations

import os


def write_at(descriptor: int, data: bytes | bytearray, position: int) -> None:
    """Write all of `data` at an offset of an open file, whose own position stays. Raises OSError."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, position)
        view, position = view[count:], position + count
    view.release()
