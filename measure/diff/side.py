"""The two things that are compared: whatever has a manifest, with its files and contents as far as known."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from measure import reference, rootfs, saved_tree
from measure.layout import Measured, measure
from olos import annotations as provenance
from olos.annotations import Annotations
from olos.canonical import parse
from olos.content import open_content
from olos.digest import Digest
from olos.erofs import Image
from olos.errors import InputError
from olos.extent import Extent
from olos.layout import Layout
from olos.manifest import MANIFEST_LIMIT, SCHEMA, Manifest
from olos.package import open_any
from olos.progress import SILENT, Progress
from olos.tree import Entry, Inode

Entries: TypeAlias = "Iterator[tuple[Entry, Digest | None]]"

_ELF = b"\x7fELF"
_HINT = "name a layout, a package, an olos.json, a file of 'olos tree' or one of 'olos measure --write'"


class Files(Protocol):
    """The contents of a file tree."""

    def find(self, path: bytes) -> Inode | None:
        """The inode at a path, if there is one; symlinks are not followed."""

    def open(self, inode: Inode) -> BinaryIO:
        """The content of a regular file of this tree."""


@dataclass(frozen=True)
class Side:
    """One of the two. `tree` gives all entries in path order, anew at each call, with digests of contents.

    `check` raises MismatchError or InputError if the tree is not that of the manifest; whoever takes all
    entries of `tree` need not call it. `notes` say what is not known and why.
    """

    name: str
    manifest: Manifest
    tree: Callable[[], Entries] | None = None
    files: Files | None = None
    annotations: Annotations | None = None
    notes: tuple[str, ...] = ()
    check: Callable[[Progress], None] = lambda _: None


def of_layout(layout: Layout, progress: Progress = SILENT) -> Side:
    """A layout or package, which is measured first. Raises MismatchError or InputError like `measure`."""
    return of_measured(measure(layout, progress))


def of_measured(measured: Measured) -> Side:
    """A layout or package that was measured."""
    layout, manifest = measured.layout, measured.manifest
    image = _Image(layout[manifest.rootfs.path], manifest.rootfs.image_size)
    annotations, notes = _annotations(layout, manifest)
    return Side(str(layout.origin), manifest, image.entries, image, annotations, notes)


def of_manifest(name: str, manifest: Manifest) -> Side:
    """A manifest alone: no file is known."""
    return Side(name, manifest)


def of_saved_tree(path: Path) -> Side:
    """A saved tree: no content is known. Raises InputError."""
    saved = saved_tree.load(path)
    annotations, notes = _fitting(saved.annotations, saved.manifest, str(path))
    return Side(str(path), saved.manifest, saved.entries, None, annotations, notes, saved.check)


def open_side(path: Path, progress: Progress = SILENT) -> Side:
    """What lies at a path: layout, package, manifest, saved tree or reference.

    Raises InputError if it is none of them, MismatchError if it is not what it says of itself.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return of_layout(open_any(path), progress)
        with path.open("rb") as stream:
            start = stream.read(MANIFEST_LIMIT + 1024)
            rest = b"" if start.startswith(_ELF) else stream.read(reference.MAX_BYTES - len(start) + 1)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    if not start.lstrip().startswith(b"{"):
        return of_layout(open_any(path), progress)
    if saved_tree.is_saved_tree(start):
        return of_saved_tree(path)
    return _of_document(path, start + rest)


def _of_document(path: Path, data: bytes) -> Side:
    """A manifest or a reference."""
    where = str(path)
    if len(data) > reference.MAX_BYTES:
        raise InputError(f"{where}: is nothing that has a measurement: too large", hint=_HINT)
    value = parse(data, where=where)
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema == reference.SCHEMA:
        return of_manifest(where, reference.load(path).manifest)
    if schema == SCHEMA:
        return of_manifest(where, Manifest.decode(data, where=where))
    raise InputError(
        f"{where}: is nothing that has a measurement: its schema is {str(schema)[:80]!r}", hint=_HINT
    )


def _annotations(layout: Layout, manifest: Manifest) -> tuple[Annotations | None, tuple[str, ...]]:
    """What explains, but is not measured: it may be missing or wrong without harm."""
    try:
        found = provenance.load(layout)
    except InputError as exc:
        return None, (
            f"The annotations cannot be used, so nothing is known of inputs and lines: {exc.message}",
        )
    return _fitting(found, manifest, str(layout.origin))


def _fitting(
    annotations: Annotations | None, manifest: Manifest, name: str
) -> tuple[Annotations | None, tuple[str, ...]]:
    if annotations is None or annotations.entries in (0, manifest.rootfs.entries):
        return annotations, ()
    said, known = annotations.entries, manifest.rootfs.entries
    return None, (f"{name}: the annotations are not used, since they tell of {said} entries, not {known}.",)


class _Image:
    """The files of an image that was measured."""

    def __init__(self, extent: Extent, image_size: int) -> None:
        self._extent, self._image_size = extent, image_size

    def entries(self) -> Entries:
        return rootfs.entries(self._extent, self._image_size)

    def find(self, path: bytes) -> Inode | None:
        with Image(self._extent, self._image_size) as image:
            try:
                return image.find(path).inode
            except InputError:  # the image is known to be right: there is no such path
                return None

    def open(self, inode: Inode) -> BinaryIO:
        return open_content(inode)
