"""Sides of a difference made of trees in memory, with right roots but without an image."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from measure import fsverity, leaf
from measure.diff.compare import KEPT, compare
from measure.diff.model import Change, Difference
from measure.diff.side import Side
from measure.rfc9162 import TreeHash
from olos.annotations import Annotations, Step
from olos.content import open_content
from olos.digest import Digest
from olos.manifest import Manifest
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode, Tree
from support.manifests import manifest_of
from support.measured import ANNOTATED
from support.trees import Store, tree_of


class TreeFiles:
    """The contents of a tree."""

    def __init__(self, tree: Tree) -> None:
        self._inodes = {entry.path: entry.inode for entry in tree}

    def find(self, path: bytes) -> Inode | None:
        return self._inodes.get(path)

    def open(self, inode: Inode) -> BinaryIO:
        return open_content(inode)


def with_digests(tree: Tree) -> Iterator[tuple[Entry, Digest | None]]:
    """The entries as an image gives them."""
    for entry in tree:
        digest = None
        if entry.inode.type is FileType.REGULAR:
            with open_content(entry.inode) as stream:
                digest = fsverity.digest(stream)
        yield entry, digest


def side_of(
    tree: Tree,
    name: str = "side",
    *,
    annotations: Annotations | None = None,
    manifest: Manifest | None = None,
) -> Side:
    """A side of which everything is known."""
    root = TreeHash()
    for entry, content in with_digests(tree):
        root.add(leaf.encode(entry, content))
    manifest = manifest or manifest_of()
    record = dataclasses.replace(manifest.rootfs, tree_root=root.root(), entries=root.size)
    return Side(
        name,
        dataclasses.replace(manifest, rootfs=record),
        lambda: with_digests(tree),
        TreeFiles(tree),
        annotations,
    )


def difference_of(
    folder: Path, old: Mapping[bytes, bytes | Inode], new: Mapping[bytes, bytes | Inode]
) -> Difference:
    """What differs between two trees, given as contents or inodes by path."""
    store = Store(folder / "store")
    sides = [
        side_of(
            tree_of({p: store.regular(i) if isinstance(i, bytes) else i for p, i in names.items()}), label
        )
        for names, label in ((old, "old"), (new, "new"))
    ]
    return compared(sides)


def compared(sides: Sequence[Side], keep: int = KEPT) -> Difference:
    """What differs between two sides."""
    old, new = sides
    return compare(old, new, SILENT, keep)


def files_of(difference: Difference) -> dict[str, Change]:
    """The files that differ, by path."""
    return {change.subject: change for change in difference.changes if change.kind == "file"}


def causes_of(difference: Difference) -> dict[str, list[str]]:
    """The names of the causes of each file."""
    return {path: [cause.name for cause in change.causes] for path, change in files_of(difference).items()}


def annotated(
    entries: int, *, base: tuple[bytes, ...] = (b"base",), epoch: int = 0, version: str = "1"
) -> Annotations:
    """Annotations of an image: line 4 of a Dockerfile wrote every second entry, the base the others."""
    layers = tuple(map(Digest.sha256, (*base, b"own")))
    steps = (
        *(Step("/bin/sh -c #(nop) ADD file in /", False) for _ in base),
        Step("RUN /bin/sh -c make", False, 4),
    )
    own = len(layers)
    runs = tuple((1, own if index % 2 else 1) for index in range(entries))
    return dataclasses.replace(
        ANNOTATED, layers=layers, history=steps, origins=runs, source_date_epoch=epoch, olos_version=version
    )
