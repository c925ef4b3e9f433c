"""Making proofs from a measured layout (docs/proofs.md).

One pass over the entries. Memory: one hash per level of the tree, and the audit paths of a few entries.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from measure import leaf, rootfs
from measure.layout import Measured
from measure.proof.format import Absence, Claim, Inclusion, Presence, Proof
from measure.proof.paths import spell_path
from measure.rfc9162 import AuditPath, TreeHash
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.progress import Progress
from olos.spelling import spell
from olos.tree import Entry, FileType

_Item: TypeAlias = tuple[Entry, Digest | None]
_REPORT = 500
"""Entries between two reports of progress."""


def prove(measured: Measured, path: bytes, *, absent: bool, progress: Progress) -> Proof:
    """Prove that there is, or with `absent` that there is not, an entry of this path.

    `path` is one for which `measure.leaf.is_path` holds. Raises InputError if the claim is false, if a
    symlink is on the way, or for what is wrong with the image, MismatchError if the image changed since
    it was measured.
    """
    record = measured.manifest.rootfs
    extent = measured.layout[record.path]
    search = _Search(path)
    with progress.task("making the proof", None, "entries") as task:
        for current, following in _with_following(rootfs.entries(extent, record.image_size)):
            search.step(current, following)
            if search.tree.size % _REPORT == 0:
                task.advance(_REPORT)
    root = search.tree.root()
    if root != record.tree_root:
        raise MismatchError.of(f"{extent.path}: tree root", expected=record.tree_root.hex, actual=root.hex)
    _check_claim(search, absent=absent)
    return Proof(measured.manifest, search.claim())


def _with_following(items: Iterator[_Item]) -> Iterator[tuple[_Item, bytes | None]]:
    """Each entry with the path of the one behind it."""
    current = next(items)  # there always is a root directory
    for following in items:
        yield current, following[0].path
        current = following
    yield current, None


@dataclass(frozen=True)
class _Found:
    """An entry of which the audit path is followed."""

    entry: Entry
    content: Digest | None
    path: AuditPath

    def inclusion(self) -> Inclusion:
        return Inclusion(self.path.index, self.entry, self.content, tuple(self.path.hashes))


class _Search:
    """The way to a path, component by component, while the entries pass in path order.

    An entry on the way comes before all below it. So the neighbours of the first one that is missing come
    behind its parent, and the search knows what it is looking for when they pass.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.tree = TreeHash()
        self.parent: _Found | None = None
        self.found: _Found | None = None
        self._way = _prefixes(path)
        self._missing: bytes | None = next(self._way)
        self._left: _Found | None = None
        self._right: _Found | None = None

    def step(self, current: _Item, following: bytes | None) -> None:
        """Take the next entry; `following` is the path of the one behind it."""
        entry, content = current
        on_the_way = entry.path == self._missing
        if on_the_way:
            self._missing = next(self._way, None)
        is_left = self._surrounds(entry.path, following)
        is_right = self._left is not None and self._right is None
        data = leaf.encode(entry, content)
        if not (on_the_way or is_left or is_right):
            self.tree.add(data)
            return
        found = _Found(entry, content, self.tree.follow(data))
        if on_the_way:
            self.parent, self.found = found, found if self._missing is None else None
        if is_left:
            self._left = found
        if is_right:
            self._right = found

    def _surrounds(self, path: bytes, following: bytes | None) -> bool:
        missing = self._missing
        return missing is not None and path < missing and (following is None or missing < following)

    def claim(self) -> Claim:
        """What has been found, when all entries have passed and the root is known."""
        if self.found:
            return Presence(self.path, self.found.inclusion())
        assert self.parent is not None
        assert self._left is not None
        right = self._right.inclusion() if self._right else None
        return Absence(self.path, self.parent.inclusion(), self._left.inclusion(), right)


def _prefixes(path: bytes) -> Iterator[bytes]:
    """The paths on the way from the root to a path, both included."""
    yield b""
    end = 0
    while path and end >= 0:
        end = path.find(b"/", end + 1)
        yield path[:end] if end >= 0 else path


def _check_claim(search: _Search, *, absent: bool) -> None:
    shown = spell_path(search.path)
    if search.found:
        if absent:
            raise InputError(f"{shown}: exists", hint="without --absent, its presence is proven")
        return
    parent = search.parent.entry if search.parent else None
    assert parent is not None
    if parent.inode.type is FileType.SYMLINK:
        rest = search.path[len(parent.path) + 1 :]
        above = posixpath.dirname(b"/" + parent.path)
        target = posixpath.normpath(posixpath.join(above, parent.inode.target, rest))
        raise InputError(
            f"{shown}: {spell_path(parent.path)} is a symlink to {spell(parent.inode.target)}",
            hint=f"symlinks are not followed; try {spell(b'/' + target.lstrip(b'/'))}",
        )
    if not absent:
        raise InputError(f"{shown}: there is no such file", hint="with --absent, its absence is proven")
