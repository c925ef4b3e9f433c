"""The layers of an image laid over each other (OCI image layer specification, "Applying Changesets").

Nothing is unpacked: content stays where it is in the layers' archives. Whiteouts and opaque
directories hide what lower layers have and never what their own layer has, in whatever order its
entries stand. Symlinks on the way to an entry are followed inside the root, as container engines do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from olos.errors import InputError
from olos.extent import Extent
from olos.manifest import MAX_PATH
from olos.progress import Progress
from olos.tree import FileType, Inode
from olos_build.images.model import Layer
from olos_build.layers import Added, Change, Linked, Removed, changes
from olos_build.lookup import join, resolve
from olos_build.tar.fields import shown

MAX_ENTRIES = 2_000_000
MAX_METADATA = 1 << 30
"""Most bytes of names, link targets, xattrs and sparse maps; they are kept in memory."""
MAX_CONTENT = 64 << 30
"""Most bytes of all files together; a sparse file can claim more than any disk has."""

_SEGMENT_COST = 256
_IMPLIED = Inode(FileType.DIRECTORY, 0o755)
"""A directory that a layer takes for granted."""


class Merged(dict[bytes, Inode]):
    """Path → inode in path order. Names share one Inode object if they are hard links of one file.

    `layers`: for each path the number of the layer, from 1, that wrote what is there. The root that no
    layer has is of layer 0.
    """

    def __init__(self, inodes: Mapping[bytes, Inode], layers: Mapping[bytes, int]) -> None:
        super().__init__(inodes)
        self.layers = layers


def merge(layers: Sequence[Layer], progress: Progress) -> Merged:
    """The tree that the layers make, the lowest first.

    Raises InputError, naming layer and entry, for layers that no engine should take.
    """
    merger = Merger()
    total = sum(layer.extent.size for layer in layers)
    with progress.task("merging layers", total, "B") as task:
        for number, layer in enumerate(layers, 1):
            where = f"layer {number} ({layer.diff_id})"
            merger.apply(changes(layer.extent, where), where)
            task.advance(layer.extent.size)
    return merger.result()


def contents(archive: Extent, where: str) -> Merged:
    """The files in any tar archive, as extents of it. Raises InputError naming `where`."""
    merger = Merger()
    merger.apply(changes(archive, where), where)
    return merger.result()


class _File:
    """What names share. Mutable, since a hard link's header can change the attributes of all.

    `writer` is the layer that wrote it: content, or the attributes that it has now.
    """

    __slots__ = ("inode", "writer")

    def __init__(self, inode: Inode, writer: int) -> None:
        self.inode, self.writer = inode, writer

    def rewrite(self, inode: Inode, writer: int) -> None:
        """A later layer's account of the same file. It has written nothing if only the time is another."""
        if replace(inode, mtime=self.inode.mtime) != self.inode:
            self.writer = writer
        self.inode = inode


_NO_NAMES: set[bytes] = set()
"""Stands for the names in what is no directory, without a set for each; nothing is ever put in."""


class _Node:
    """A name: its file, the layer that put it there, and of a directory the names in it.

    `settled` is the layer in which all that is below is known to be of that layer.
    """

    __slots__ = ("children", "file", "layer", "settled")

    def __init__(self, file: _File, layer: int) -> None:
        self.file, self.layer, self.settled = file, layer, layer
        self.children: set[bytes] = set() if file.inode.type is FileType.DIRECTORY else _NO_NAMES

    @property
    def writer(self) -> int:
        """The layer that wrote the entry: its name or its file. Layers repeat directories that they pass."""
        is_directory = self.file.inode.type is FileType.DIRECTORY
        return self.file.writer if is_directory else max(self.layer, self.file.writer)


class Merger:
    """A tree that layers are applied to."""

    def __init__(self) -> None:
        self._nodes = {b"": _Node(_File(_IMPLIED, 0), 0)}
        self._layer = 0
        self._entries = self._metadata = 0

    def apply(self, layer: Iterable[Change], where: str) -> None:
        """Apply one layer's changes. Raises InputError naming `where`."""
        self._layer += 1
        for change in layer:
            try:
                self._charge(_cost(change))
                self._apply(change)
            except InputError as exc:
                raise InputError(f"{where}: entry {shown(change.path)} {exc.message}") from exc

    def result(self) -> Merged:
        """The tree as it is, in path order. Raises InputError if its files are too large."""
        paths = sorted(self._nodes)
        tree = Merged(
            {path: self._nodes[path].file.inode for path in paths},
            {path: self._nodes[path].writer for path in paths},
        )
        size = sum({id(inode): inode.size for inode in tree.values() if inode.size}.values())
        if size > MAX_CONTENT:
            raise InputError(
                f"the files of the image have {size} bytes, more than the limit of {MAX_CONTENT}"
            )
        return tree

    def _charge(self, size: int) -> None:
        """Count an entry and the bytes that it keeps in memory."""
        self._entries += 1
        self._metadata += size
        if self._entries > MAX_ENTRIES:
            raise InputError(f"is one too many: no image may have more than {MAX_ENTRIES}")
        if self._metadata > MAX_METADATA:
            raise InputError(f"is too much: names and attributes may have {MAX_METADATA} bytes altogether")

    def _apply(self, change: Change) -> None:
        if isinstance(change, Added):
            self._add(change.path, change.inode)
        elif isinstance(change, Linked):
            self._link(change)
        elif isinstance(change, Removed):
            self._prune(self._real(change.path))
        else:
            self._empty(resolve(change.path, self._look, "the directory"))

    def _look(self, path: bytes) -> Inode | None:
        node = self._nodes.get(path)
        return node.file.inode if node else None

    def _real(self, path: bytes) -> bytes:
        """The path with symlinks of its parent followed, not of itself."""
        parent, _, name = path.rpartition(b"/")
        inode = self._look(parent)
        # A path that is known has no symlinks in it: this is the way of all but a few entries.
        if inode is None or inode.type is FileType.SYMLINK:
            parent = resolve(parent, self._look, "its directory")
        return join(parent, name)

    def _add(self, path: bytes, inode: Inode) -> None:
        if not path:
            if inode.type is not FileType.DIRECTORY:
                raise InputError("stands in place of the root directory")
            self._nodes[b""].file.rewrite(inode, self._layer)
            return
        self._put(self._real(path), _File(inode, self._layer))

    def _link(self, change: Linked) -> None:
        source = self._nodes.get(self._real(change.target))
        if source is None:
            raise InputError(f"is a hard link to {shown(change.target)}, which is missing")
        kind = source.file.inode.type
        if kind is FileType.DIRECTORY:
            raise InputError(f"is a hard link to {shown(change.target)}, which is a directory")
        path = self._real(change.path)
        if not change.path or self._nodes.get(path) is source:
            raise InputError("is a hard link to itself")
        self._put(path, source.file)
        source.file.rewrite(_with_attributes(source.file.inode, change.inode), self._layer)

    def _put(self, path: bytes, file: _File) -> None:
        """A name in place of what has it; a directory over a directory keeps what is in it."""
        if len(path) > MAX_PATH:
            raise InputError(f"leads through symlinks to a path of {len(path)} bytes, more than {MAX_PATH}")
        node = self._nodes.get(path)
        if node and node.file.inode.type is FileType.DIRECTORY is file.inode.type:
            node.file.rewrite(file.inode, self._layer)
            node.layer = self._layer
            return
        if node:
            self._drop(path)
        self._make_parents(path)
        self._attach(path, file)

    def _make_parents(self, path: bytes) -> None:
        missing: list[bytes] = []
        parent = path.rpartition(b"/")[0]
        while parent not in self._nodes:
            missing.append(parent)
            parent = parent.rpartition(b"/")[0]
        if self._nodes[parent].file.inode.type is not FileType.DIRECTORY:
            raise InputError(f"lies below {shown(parent)}, which is not a directory")
        for directory in reversed(missing):
            self._charge(len(directory))
            self._attach(directory, _File(_IMPLIED, self._layer))

    def _attach(self, path: bytes, file: _File) -> None:
        self._nodes[path] = _Node(file, self._layer)
        parent, _, name = path.rpartition(b"/")
        self._nodes[parent].children.add(name)

    def _drop(self, path: bytes) -> None:
        """Remove a name and all that is below it."""
        pending = [path]
        while pending:
            current = pending.pop()
            node = self._nodes.pop(current)
            pending += (join(current, name) for name in node.children)
        parent, _, name = path.rpartition(b"/")
        self._nodes[parent].children.discard(name)

    def _empty(self, path: bytes) -> None:
        node = self._nodes.get(path)
        if node:
            for name in tuple(node.children) if node.settled < self._layer else ():
                self._prune(join(path, name))
            node.settled = self._layer

    def _prune(self, path: bytes) -> None:
        """Remove what lower layers have at a path and below; directories that are still needed stay."""
        found: list[bytes] = []
        pending = [path] if path in self._nodes else []
        while pending:
            current = pending.pop()
            node = self._nodes[current]
            found.append(current)
            if node.settled < self._layer:
                pending += (join(current, name) for name in node.children)
                node.settled = self._layer
        for current in reversed(found):  # children before their parents
            node = self._nodes[current]
            if node.layer == self._layer:
                continue
            if node.children:
                node.file, node.layer = _File(_IMPLIED, self._layer), self._layer
            else:
                self._drop(current)


def _cost(change: Change) -> int:
    """The bytes that a change keeps in memory, about."""
    size = len(change.path)
    if isinstance(change, Added | Linked):
        inode = change.inode
        size += len(inode.target)
        if inode.xattrs:
            size += sum(len(name) + len(value) for name, value in inode.xattrs)
        size += _SEGMENT_COST * len(inode.content)
    return size


def _with_attributes(inode: Inode, header: Inode) -> Inode:
    """The inode with the attributes that the header of a further hard link has, as engines set them."""
    return replace(
        inode,
        mode=inode.mode if inode.type is FileType.SYMLINK else header.mode,
        uid=header.uid,
        gid=header.gid,
        mtime=header.mtime,
        xattrs=tuple(sorted((dict(inode.xattrs) | dict(header.xattrs)).items())),
    )
