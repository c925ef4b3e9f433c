"""Following paths inside a tree as a process whose root it is would: links never lead out.

As path_resolution(7), but that what does not exist is kept as it stands: the caller may want to make it.
"""

from __future__ import annotations

from collections.abc import Callable

from olos.errors import InputError
from olos.manifest import MAX_PATH
from olos.tree import FileType, Inode
from olos_build.tar.fields import shown

MAX_LINKS = 255
"""Most symlinks followed on one path, as containerd's fs.RootPath."""
_MAX_FOLLOWED = 4 * MAX_PATH
"""Most bytes of their targets together: a walk takes time with each component."""


def resolve(path: bytes, look: Callable[[bytes], Inode | None], where: str) -> bytes:
    """The path without symlinks that `path` leads to, its last component included.

    `look` gives the inode of a path without symlinks. Raises InputError, naming `where`, for cycles.
    """
    current = b""
    pending = path.split(b"/")[::-1]
    links = followed = 0
    while pending:
        part = pending.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            current = current.rpartition(b"/")[0]
            continue
        candidate = join(current, part)
        inode = look(candidate)
        if inode is None or inode.type is not FileType.SYMLINK:
            current = candidate
            continue
        links += 1
        followed += len(inode.target)
        if links > MAX_LINKS or followed > _MAX_FOLLOWED:
            raise InputError(f"{where}: {shown(path)} leads through a cycle of symlinks, or through too many")
        if inode.target.startswith(b"/"):
            current = b""
        pending += inode.target.split(b"/")[::-1]
    return current


def join(directory: bytes, name: bytes) -> bytes:
    """The path of a name in a directory."""
    return directory + b"/" + name if directory else name
