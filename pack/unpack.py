"""Unpacking a package into a layout directory, or copying a layout (docs/formats.md section 1)."""

from __future__ import annotations

import os
from pathlib import Path

from olos.layout import Layout, is_program
from olos.output import atomic_directory, check_free
from olos.progress import Progress
from pack.copying import copy_extent


def unpack(layout: Layout, destination: Path, progress: Progress) -> None:
    """Write the files of a layout into a new directory, which appears whole or not at all.

    Raises InputError if `destination` exists and is not an empty directory, or if something
    cannot be read or written.
    """
    check_free(destination)
    total = sum(extent.size for _, extent in layout.files)
    with atomic_directory(destination.resolve()) as folder, progress.task("unpacking", total, "B") as task:
        for name, extent in layout.files:
            path = folder / name
            _make_folders(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.truncate(descriptor, extent.size)
                copy_extent(extent, descriptor, 0, task)
                # After the data, and in spite of the umask.
                os.fchmod(descriptor, 0o755 if is_program(name) else 0o644)
            finally:
                os.close(descriptor)


def _make_folders(folder: Path) -> None:
    """Make a directory and those above it, with mode 0755 in spite of the umask."""
    if folder.exists():
        return
    _make_folders(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)
