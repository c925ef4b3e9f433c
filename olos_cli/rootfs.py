"""The root file system of a layout or package, for the commands that read single files.

They read the image as it is: whether it is the one that the manifest names is for `olos measure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from olos.erofs import Image
from olos.errors import InputError
from olos.package import open_any
from olos.tree import Entry, FileType

_MAX_STEPS = 1024
"""Names to look up on the way to a file, those of symlinks included. Ends cycles of links."""


@contextmanager
def opened(path: Path) -> Iterator[Image]:
    """The image in a layout or package. Raises InputError."""
    layout = open_any(path)
    record = layout.manifest().rootfs
    with Image(layout[record.path], record.image_size) as image:
        yield image


def resolve(image: Image, path: str, *, follow: bool) -> Entry:
    """The entry at a path, symlinks on the way followed inside the image, as the app would see it.

    `follow`: also a symlink at the end. Raises InputError if there is none.
    """
    pending = _names(_encoded(path))
    entry = image.find(b"")
    steps = 0
    while pending:
        steps += 1
        if steps > _MAX_STEPS:
            raise InputError(f"{path}: more than {_MAX_STEPS} names and symlinks on the way")
        name = pending.pop()
        if name == b"..":
            entry = image.find(entry.path.rpartition(b"/")[0])
            continue
        found = image.find(b"/".join(filter(None, (entry.path, name))))
        if found.inode.type is FileType.SYMLINK and (pending or follow):
            target = found.inode.target
            pending += _names(target)
            entry = image.find(b"") if target.startswith(b"/") else entry
        else:
            entry = found
    return entry


def _names(path: bytes) -> list[bytes]:
    """The names in a path, the first one last."""
    return [name for name in reversed(path.split(b"/")) if name not in (b"", b".")]


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
