"""One layer of an image as a list of changes (OCI image layer specification; docs/formats.md section 2.4).

A layer is a tar archive. Names are cleaned here and refused if they climb out or could not exist on
Linux; whiteouts are told from files. What the changes do to a tree is the business of `merge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from olos.errors import InputError
from olos.extent import Extent
from olos.manifest import MAX_PATH
from olos.tree import FileType, Inode
from olos_build.tar import reader
from olos_build.tar.fields import shown
from olos_build.tar.reader import Member, members

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."

_MAX_NAME = 255
_MAX_MAJOR, _MAX_MINOR = 2**12 - 1, 2**20 - 1
_SYMLINK_MODE = 0o777

_TYPES = {
    reader.REGULAR: FileType.REGULAR,
    reader.SYMLINK: FileType.SYMLINK,
    reader.CHARACTER: FileType.CHARACTER,
    reader.BLOCK_DEVICE: FileType.BLOCK,
    reader.DIRECTORY: FileType.DIRECTORY,
    reader.FIFO: FileType.FIFO,
}


@dataclass(frozen=True, slots=True)
class Added:
    """A file, or a directory with its attributes, is at `path` now."""

    path: bytes
    inode: Inode


@dataclass(frozen=True, slots=True)
class Linked:
    """`path` is another name of the file at `target`, whose attributes are now those of `inode`."""

    path: bytes
    target: bytes
    inode: Inode


@dataclass(frozen=True, slots=True)
class Removed:
    """What lower layers have at `path` is gone."""

    path: bytes


@dataclass(frozen=True, slots=True)
class Emptied:
    """What lower layers have in the directory `path` is gone."""

    path: bytes


Change: TypeAlias = Added | Linked | Removed | Emptied


def changes(layer: Extent, where: str) -> Iterator[Change]:
    """The changes of a layer, in the order of its archive. Raises InputError naming `where` and the entry."""
    for member in members(layer, where):
        try:
            yield _change(member)
        except InputError as exc:
            raise InputError(f"{where}: entry {shown(member.name)} {exc.message}", hint=exc.hint) from exc


def _change(member: Member) -> Change:
    if not member.name:
        raise InputError("has no name")
    path = _clean(member.name)
    parent, _, name = path.rpartition(b"/")
    if WHITEOUT in path:
        if parent.startswith(WHITEOUT) or b"/" + WHITEOUT in parent:
            raise InputError("is below a whiteout")
        if name.startswith(WHITEOUT):
            return _whiteout(parent, name)
    if member.type == reader.HARD_LINK:
        return Linked(path, _link_target(member.link), _inode(member, FileType.REGULAR))
    if member.type not in _TYPES:
        raise InputError(f"is of type {member.type!r}, which no layer may have")
    return Added(path, _inode(member, _TYPES[member.type]))


def _whiteout(parent: bytes, name: bytes) -> Change:
    if name == OPAQUE:
        return Emptied(parent)
    hidden = name[len(WHITEOUT) :]
    if hidden in (b"", b".", b"..") or name.startswith(_AUFS):
        raise InputError("is no whiteout that has a meaning")
    return Removed(parent + b"/" + hidden if parent else hidden)


def _link_target(name: bytes) -> bytes:
    target = _clean(name)
    if not target:
        raise InputError(f"is a hard link to {shown(name)}, which is no file")
    return target


def _clean(name: bytes) -> bytes:
    """The path without leading slash, `.` and empty components. `..` is refused."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    path = b"/".join(parts)
    if b".." in parts:
        raise InputError(f"names {shown(name)}, which has '..' in it")
    if len(path) > _MAX_NAME and _is_too_long(parts):
        raise InputError(f"is longer than Linux allows: {MAX_PATH} bytes, {_MAX_NAME} between two slashes")
    return path


def _is_too_long(parts: list[bytes]) -> bool:
    """A whiteout may be longer than a name by its prefix: no file has that name."""
    names = [*parts[:-1], parts[-1].removeprefix(WHITEOUT)]
    return len(b"/".join(names)) > MAX_PATH or max(map(len, names)) > _MAX_NAME


def _inode(member: Member, kind: FileType) -> Inode:
    link = kind is FileType.SYMLINK
    if link and not 0 < len(member.link) <= MAX_PATH:
        raise InputError(f"is a symlink whose target has {len(member.link)} bytes, not 1 to {MAX_PATH}")
    major, minor = member.device
    if major > _MAX_MAJOR or minor > _MAX_MINOR:
        raise InputError(f"is a device {major}:{minor}, beyond {_MAX_MAJOR}:{_MAX_MINOR}")
    regular = kind is FileType.REGULAR
    return Inode(
        type=kind,
        mode=_SYMLINK_MODE if link else member.mode,
        uid=member.uid,
        gid=member.gid,
        mtime=member.mtime,
        size=len(member.link) if link else member.size if regular else 0,
        target=member.link if link else b"",
        device=member.device,
        xattrs=member.xattrs,
        content=member.content if regular else (),
    )
