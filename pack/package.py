"""Writer of packages (docs/formats.md section 6): launcher, file table, ISO 9660 image.

A package is a function of launcher and layout: the same two give the same bytes, anywhere, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from olos.digest import Digest
from olos.errors import InputError
from olos.iso import Entry
from olos.layout import Layout
from olos.package import TABLE_OFFSET
from olos.progress import Progress
from pack.copying import copy_extent
from pack.iso import master
from pack.table import encode, unrecorded_digest


@dataclass(frozen=True)
class Part:
    """Some bytes of a package that do not come from a file, and what they are."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Plan:
    """A package without the data of its files.

    `head` are the parts before the first file, one behind the other; `entries` say where the
    files lie, `size` is that of the package. All other bytes are zero.
    """

    head: tuple[Part, ...]
    entries: tuple[Entry, ...]
    size: int


def plan(sizes: Mapping[str, int], launcher: bytes, unrecorded: Digest) -> Plan:
    """The plan of the one package with files of these names and sizes in bytes, and this digest in its table.

    Raises InputError if there can be none.
    """
    if len(launcher) > TABLE_OFFSET:
        raise InputError(f"the launcher has {len(launcher)} bytes, but there is room for {TABLE_OFFSET}")
    mastered = master(sizes)
    head = (
        Part("launcher", launcher.ljust(TABLE_OFFSET, b"\0")),
        Part("file table", encode(mastered.entries, unrecorded)),
        Part("ISO structures", mastered.structures),
    )
    return Plan(head, mastered.entries, mastered.size)


def write(layout: Layout, out: BinaryIO, launcher: bytes, progress: Progress) -> None:
    """Write the package of a layout to an empty file.

    Zeros that are holes in the layout are holes in the package. Raises InputError if the
    layout cannot be packed or read, OSError if `out` cannot be written.
    """
    planned = plan({name: extent.size for name, extent in layout.files}, launcher, unrecorded_digest(layout))
    out.write(b"".join(part.data for part in planned.head))
    out.truncate(planned.size)
    out.flush()
    with progress.task("packing", sum(entry.size for entry in planned.entries), "B") as task:
        for entry in planned.entries:
            copy_extent(layout[entry.path], out.fileno(), entry.offset, task)
