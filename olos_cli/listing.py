"""`olos ls`: entries of a root file system as lines."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator

from olos.erofs import Image
from olos.tree import Entry, FileType
from olos_cli.text import visible_path

_TYPES = {
    FileType.DIRECTORY: stat.S_IFDIR,
    FileType.REGULAR: stat.S_IFREG,
    FileType.SYMLINK: stat.S_IFLNK,
    FileType.CHARACTER: stat.S_IFCHR,
    FileType.BLOCK: stat.S_IFBLK,
    FileType.FIFO: stat.S_IFIFO,
}
_LAST_YEAR_9999 = 253402300799


def below(image: Image, top: Entry, *, recursive: bool) -> Iterator[Entry]:
    """The entries of a directory, in bytewise path order; a file is its own listing."""
    if top.inode.type is not FileType.DIRECTORY:
        yield top
        return
    prefix = top.path + b"/" if top.path else b""
    for entry in image.entries():
        inside = entry.path.startswith(prefix) and len(entry.path) > len(prefix)
        if inside and (recursive or b"/" not in entry.path[len(prefix) :]):
            yield entry


def short(entry: Entry) -> str:
    """The path of an entry."""
    return "/" + visible_path(entry.path)


def long(entry: Entry) -> str:
    """Mode, owner, size or device numbers, time (UTC), path, target of a symlink."""
    inode = entry.inode
    amount = (
        f"{inode.device[0]},{inode.device[1]}"
        if inode.type in (FileType.CHARACTER, FileType.BLOCK)
        else str(inode.size)
    )
    target = f" -> {visible_path(inode.target)}" if inode.type is FileType.SYMLINK else ""
    mode = stat.filemode(_TYPES[inode.type] | inode.mode)
    owner = f"{inode.uid}:{inode.gid}"
    return f"{mode} {owner:>11} {amount:>12} {moment(inode.mtime)} {short(entry)}{target}"


def moment(seconds: int) -> str:
    """A time as in 2024-12-31 23:59, or the number, flush right, if it is behind the year 9999."""
    # An image may claim any time; the calendar ends earlier than the field.
    if seconds > _LAST_YEAR_9999:
        return f"{seconds:>16}"
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
