"""Packages for tests: with bytes in place of the launcher, and with single bytes changed."""

from pathlib import Path

from olos.layout import Layout
from olos.output import atomic_file
from olos.progress import SILENT
from pack.package import write
from support.layouts import make_layout

LAUNCHER = b"\x7fELF stands for the launcher" * 20


def pack(layout: Layout, path: Path, launcher: bytes = LAUNCHER) -> Path:
    """Write the package of a layout."""
    with atomic_file(path, 0o755) as stream:
        write(layout, stream, launcher, SILENT)
    return path


def make_package(folder: Path) -> Path:
    """The package of a small layout, made below `folder`."""
    return pack(make_layout(folder / "layout"), folder / "app.olos")


def changed(data: bytes, *patches: tuple[int, bytes]) -> bytes:
    """The bytes with others written over them at some offsets."""
    result = bytearray(data)
    for offset, patch in patches:
        result[offset : offset + len(patch)] = patch
    assert len(result) == len(data)
    return bytes(result)
