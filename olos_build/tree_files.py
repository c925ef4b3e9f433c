"""Finding and reading files in a tree, as a process that has it as its root would."""

from __future__ import annotations

from olos.content import open_content
from olos.errors import InputError
from olos.tree import FileType, Inode, Tree
from olos_build.lookup import resolve


class TreeFiles:
    """The files of a tree by path."""

    def __init__(self, tree: Tree) -> None:
        self._inodes = {entry.path: entry.inode for entry in tree}

    def find(self, path: str) -> Inode | None:
        """What an absolute path leads to, symlinks followed; None if nothing is there.

        Raises InputError for a cycle of symlinks.
        """
        return self._inodes.get(resolve(path.encode(), self._inodes.get, path[:150]))

    def read(self, path: str, limit: int) -> bytes | None:
        """The content of a regular file, None if nothing is there.

        Raises InputError if it is something else or has more than `limit` bytes.
        """
        inode = self.find(path)
        if inode is None:
            return None
        if inode.type is not FileType.REGULAR:
            raise InputError(f"{path}: is not a regular file in the image")
        if inode.size > limit:
            raise InputError(f"{path}: has {inode.size} bytes, more than the {limit} that are read of it")
        return head(inode, inode.size)


def head(inode: Inode, size: int) -> bytes:
    """The first bytes of a regular file, at most `size`."""
    with open_content(inode) as stream:
        return stream.read(size)
