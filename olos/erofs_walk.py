"""A walk over all entries of an EROFS image in bytewise path order.

The walk follows the placement rule step by step: every inode must lie where the writer would have put it,
and its data blocks right behind those of the inode before it. So no inode is visited twice, nothing
overlaps, nothing lies unused, and nothing but file data can differ between two images of one tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from olos import erofs_format as fmt
from olos.erofs_nodes import Nodes
from olos.erofs_records import Dirent, InodeRecord, Superblock, require
from olos.tree import Entry, FileType, Inode


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory whose own entry was yielded, but not yet what is in it."""

    name: bytes
    nid: int
    parent: int
    record: InodeRecord


class _Frame:
    """A directory under way: names that come, and subdirectories that wait for their turn.

    In path order `a/x` comes behind `a-b`, since `-` sorts before `/`: the content of a directory
    comes before the first name that is greater than its own name with a slash. Waiting
    subdirectories are therefore prefixes of one another, the longest last.
    """

    def __init__(self, prefix: bytes, directory: _Directory, names: Iterator[Dirent]) -> None:
        self.prefix, self.nid = prefix, directory.nid
        self.waiting: list[_Directory] = []
        self._names = names
        self._upcoming = next(names, None)
        self._subdirectories_left = directory.record.nlink - 2

    def descend(self) -> _Directory | None:
        """The subdirectory whose content comes next, if one does."""
        if not self.waiting:
            return None
        if self._upcoming is not None and self.waiting[-1].name + b"/" > self._upcoming.name:
            return None
        return self.waiting.pop()

    def take(self) -> Dirent | None:
        """The next name."""
        taken = self._upcoming
        if taken is None:
            require(self._subdirectories_left == 0, "a directory with a wrong number of links")
            return None
        self._upcoming = next(self._names, None)
        return taken

    def add(self, directory: _Directory) -> None:
        """Let a subdirectory wait."""
        self._subdirectories_left -= 1
        self.waiting.append(directory)


@dataclass(slots=True)
class _Group:
    """A hard link group of which names are still to come."""

    inode: Inode
    first: bytes
    left: int


class Walk:
    """Yields one entry per `step`, which raises DefectError. `path` is where it has come to."""

    def __init__(self, nodes: Nodes, superblock: Superblock) -> None:
        self.path = b""
        self._nodes, self._superblock = nodes, superblock
        self._stack: list[_Frame] = []
        self._groups: dict[int, _Group] = {}
        self._count = 0
        self._end = fmt.FIRST_INODE
        self._first_block = self._next_block = 0

    def step(self) -> Entry | None:
        """The next entry, or None behind the last one, when all has been accounted for."""
        if self._count == 0:
            return self._root()
        while self._stack:
            frame = self._stack[-1]
            if directory := frame.descend():
                self._enter(frame.prefix + directory.name + b"/", directory)
            elif dirent := frame.take():
                return self._visit(frame, dirent)
            else:
                self._stack.pop()
        self._finish()
        return None

    def _root(self) -> Entry:
        nid = self._superblock.root
        record = self._place(nid)
        require(record.type is FileType.DIRECTORY, "the root is not a directory")
        self._enter(b"", _Directory(b"", nid, nid, record))
        return Entry(b"", self._nodes.inode(nid, record))

    def _enter(self, prefix: bytes, directory: _Directory) -> None:
        names = self._nodes.names(directory.nid, directory.record, directory.parent)
        self._stack.append(_Frame(prefix, directory, names))

    def _visit(self, frame: _Frame, dirent: Dirent) -> Entry:
        self.path = frame.prefix + dirent.name
        require(len(self.path) <= fmt.MAX_PATH, f"a path of more than {fmt.MAX_PATH} bytes")
        if group := self._groups.get(dirent.nid):
            return self._another_name(group, dirent)
        record = self._place(dirent.nid)
        require(record.type is dirent.type, "a directory entry of another type than its inode")
        inode = self._nodes.inode(dirent.nid, record)
        if record.type is FileType.DIRECTORY:
            frame.add(_Directory(dirent.name, dirent.nid, frame.nid, record))
        elif record.nlink > 1:
            self._groups[dirent.nid] = _Group(inode, self.path, record.nlink - 1)
            return Entry(self.path, inode, self.path)
        return Entry(self.path, inode)

    def _another_name(self, group: _Group, dirent: Dirent) -> Entry:
        require(group.inode.type is dirent.type, "a directory entry of another type than its inode")
        group.left -= 1
        if group.left == 0:
            del self._groups[dirent.nid]
        return Entry(self.path, group.inode, group.first)

    def _place(self, nid: int) -> InodeRecord:
        """The next inode, which must lie where the placement rule puts it."""
        record = self._nodes.record(nid)
        start = fmt.place(self._end, record.fixed, record.tail)
        self._count += 1
        require(
            nid * fmt.SLOT == start, f"inode {nid} is not where it belongs, or has more names than it says"
        )
        require(record.number == self._count, f"inode {nid} has the number {record.number}")
        self._require_zeros(self._end, start)
        self._end = start + record.fixed + record.tail
        if record.blocks:
            self._place_data(record)
        return record

    def _place_data(self, record: InodeRecord) -> None:
        if not self._first_block:
            self._first_block = self._next_block = record.block
        require(record.block == self._next_block, "data blocks are not where they belong")
        self._next_block += record.blocks
        if not record.tail:
            self._require_zeros(record.block * fmt.BLOCK + record.size, self._next_block * fmt.BLOCK)

    def _finish(self) -> None:
        require(not self._groups, "an inode with fewer names than it says")
        require(self._count == self._superblock.inodes, "a wrong number of inodes in the superblock")
        metadata_blocks = fmt.align(self._end, fmt.BLOCK) // fmt.BLOCK
        blocks = self._next_block if self._first_block else max(metadata_blocks, fmt.MIN_BLOCKS)
        require(self._first_block in (0, metadata_blocks), "data blocks do not follow the inodes")
        require(blocks == self._superblock.blocks, "a wrong number of blocks in the superblock")
        self._require_zeros(self._end, (metadata_blocks if self._first_block else blocks) * fmt.BLOCK)

    def _require_zeros(self, start: int, end: int) -> None:
        require(not any(self._nodes.read(start, end - start)), "padding is not zero")
