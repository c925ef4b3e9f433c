"""Saved trees (`olos-tree/1`, docs/formats.md section 7): a manifest and all entries, without contents.

JSON Lines: a line with the manifest, one with the annotations if there are any, one for each entry. The tree
root of the lines must be that of the manifest, so a saved tree cannot say other than its measurement.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from measure import leaf, tree_line
from measure.rfc9162 import TreeHash
from olos.annotations import Annotations
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.layout import ANNOTATIONS_LIMIT
from olos.manifest import MANIFEST_LIMIT, Manifest
from olos.progress import Progress
from olos.spelling import spell
from olos.tree import Entry, FileType

SCHEMA = "olos-tree/1"

_HEADER = b'{"manifest":'
_HEADER_END = b',"schema":"%s"}' % SCHEMA.encode()
_ANNOTATIONS = b'{"annotations":'
_ANNOTATIONS_END = b"}"
_HEADER_LIMIT = MANIFEST_LIMIT + len(_HEADER) + len(_HEADER_END)
_ANNOTATIONS_LINE_LIMIT = ANNOTATIONS_LIMIT + len(_ANNOTATIONS) + len(_ANNOTATIONS_END)
_REPORT = 500
"""Entries between two reports of progress."""


def lines(
    manifest: Manifest, annotations: Annotations | None, entries: Iterable[tuple[Entry, Digest | None]]
) -> Iterator[bytes]:
    """The lines of a saved tree, with their line breaks."""
    yield _HEADER + manifest.encode() + _HEADER_END + b"\n"
    if annotations is not None:
        yield _ANNOTATIONS + annotations.encode() + _ANNOTATIONS_END + b"\n"
    for entry, content in entries:
        yield tree_line.encode(entry, content) + b"\n"


@dataclass(frozen=True)
class SavedTree:
    """A saved tree; its lines are checked against its manifest whenever they are read."""

    path: Path
    manifest: Manifest
    annotations: Annotations | None

    def entries(self) -> Iterator[tuple[Entry, Digest | None]]:
        """All entries with the fs-verity digests of regular files.

        Raises InputError for a line that is wrong, and at the end MismatchError if the lines are not those
        of the manifest.
        """
        with _opened(self.path) as stream:
            number = 2 if self.annotations is None else 3
            for skipped in range(1, number):
                _line(stream, f"{self.path}: line {skipped}", _ANNOTATIONS_LINE_LIMIT)
            yield from _checked(stream, self.path, number, self.manifest)

    def check(self, progress: Progress) -> None:
        """Read all lines. Raises like `entries`."""
        with progress.task(f"reading {self.path.name}", None, "entries") as task:
            for number, _ in enumerate(self.entries(), 1):
                if number % _REPORT == 0:
                    task.advance(_REPORT)


def is_saved_tree(start: bytes) -> bool:
    """Whether a file that starts so is meant to be a saved tree; `start` has at least its first line."""
    line, _, _ = start.partition(b"\n")
    return line.startswith(_HEADER) and line.endswith(_HEADER_END)


def load(path: Path) -> SavedTree:
    """Read manifest and annotations of a saved tree. Raises InputError."""
    with _opened(path) as stream:
        header = _line(stream, f"{path}: line 1", _HEADER_LIMIT)
        if not is_saved_tree(header):
            raise InputError(f"{path}: is no saved tree", hint="a saved tree is what 'olos tree' writes")
        manifest = Manifest.decode(
            header[len(_HEADER) : -len(_HEADER_END)], where=f"{path}: line 1: manifest"
        )
        annotations = _annotations(stream, f"{path}: line 2")
    return SavedTree(path, manifest, annotations)


def _annotations(stream: BinaryIO, where: str) -> Annotations | None:
    line = _line(stream, where, _ANNOTATIONS_LINE_LIMIT)
    if not line.startswith(_ANNOTATIONS):
        return None
    if not line.endswith(_ANNOTATIONS_END):
        raise InputError(f"{where}: does not end as it must")
    document = line[len(_ANNOTATIONS) : -len(_ANNOTATIONS_END)]
    return Annotations.decode(document, where=f"{where}: annotations")


def _checked(
    stream: BinaryIO, path: Path, number: int, manifest: Manifest
) -> Iterator[tuple[Entry, Digest | None]]:
    tree = TreeHash()
    before: bytes | None = None
    while line := _line(stream, f"{path}: line {number}", tree_line.MAX_LINE):
        where = f"{path}: line {number}"
        entry, content = tree_line.decode(line, where)
        _check_order(before, entry, where)
        before, number = entry.path, number + 1
        tree.add(leaf.encode(entry, content))
        yield entry, content
    for what, expected, actual in (
        ("number of entries", manifest.rootfs.entries, tree.size),
        ("tree root", manifest.rootfs.tree_root.hex, tree.root().hex),
    ):
        if expected != actual:
            raise MismatchError.of(
                f"{path}: {what}",
                expected=expected,
                actual=actual,
                hint="the file was changed; save it again",
            )


def _check_order(before: bytes | None, entry: Entry, where: str) -> None:
    if before is None:
        if entry.path or entry.inode.type is not FileType.DIRECTORY:
            raise InputError(f"{where}: the first entry is not the root directory")
    elif entry.path <= before:
        raise InputError(f"{where}: {spell(entry.path)[:80]!r} is not behind the path of the line before it")


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is no regular file")
        return path.open("rb")
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc


def _line(stream: BinaryIO, where: str, limit: int) -> bytes:
    """The next line without its line break, which it must have; empty at the end of the file."""
    try:
        line = stream.readline(limit + 1)
    except OSError as exc:
        raise InputError(f"{where}: cannot be read: {exc.strerror}") from exc
    if line == b"\n":
        raise InputError(f"{where}: is empty")
    if line and not line.endswith(b"\n"):
        problem = f"has more than {limit} bytes" if len(line) > limit else "is cut off"
        raise InputError(f"{where}: {problem}")
    return line[:-1]
