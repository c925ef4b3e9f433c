"""Images of trees: written by the one side, read by the other."""

from __future__ import annotations

from pathlib import Path

from olos.erofs import Image
from olos.extent import Extent
from olos.progress import SILENT
from olos.tree import Entry, Tree
from olos_build import erofs

BLOCK = 4096
BASE = 5 * BLOCK
"""Images lie here in their files, as in a package."""


def write(tree: Tree, folder: Path) -> bytes:
    """The image of a tree, written by way of a file in `folder`."""
    with (folder / "image").open("w+b") as stream:
        erofs.write(tree, stream, SILENT)
    return (folder / "image").read_bytes()


def place(data: bytes, folder: Path) -> Extent:
    """A file that holds an image somewhere inside."""
    path = folder / "app.olos"
    path.write_bytes(bytes(BASE) + data + b"\xff" * BLOCK)
    return Extent(path, BASE, len(data))


def read(data: bytes, folder: Path) -> tuple[Entry, ...]:
    """All that the reader finds in an image. Raises InputError."""
    with Image(place(data, folder), len(data)) as image:
        return tuple(image.entries())
