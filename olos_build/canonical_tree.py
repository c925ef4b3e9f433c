"""The merged layers made canonical (docs/formats.md section 2.4).

What builders do differently, and the Dockerfile did not ask for, is gone afterwards, so that one
Dockerfile gives one tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from olos.errors import InputError
from olos.progress import Progress
from olos.tree import Entry, FileType, Inode, Tree
from olos_build.lookup import resolve
from olos_build.tar.fields import shown

KEPT_XATTRS = frozenset((b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default"))
_KEPT_PREFIX = b"user."

_DIRECTORY = Inode(FileType.DIRECTORY, 0o755)
_EMPTIED = (b"dev", b"proc", b"sys")
_ALWAYS = (b"etc", b"run")
_DROPPED = (b".dockerenv", b"run/.containerenv")
_STUBS = (b"etc/hosts", b"etc/resolv.conf", b"etc/hostname")
_MTAB, _MTAB_TARGET = b"etc/mtab", b"/proc/mounts"


def canonicalise(merged: Mapping[bytes, Inode], epoch: int, progress: Progress) -> Tree:
    """The tree of an app. `epoch` is SOURCE_DATE_EPOCH, in seconds.

    Raises InputError if a directory that the runtime needs is something else.
    """
    canonical = {path: inode for path, inode in merged.items() if not _is_left_over(path, inode)}
    canonical |= _standard_directories(canonical)
    return _tree(dict(_with_rules(canonical, epoch, progress)))


def origins(tree: Tree, layers: Mapping[bytes, int]) -> Iterator[int]:
    """For each entry the layer that wrote it, by `layers`; 0 for what was made or is as olos has it."""
    used = _with_entries(entry.path for entry in tree)
    for entry in tree:
        is_empty = entry.inode.type is FileType.DIRECTORY and entry.path not in used
        ours = entry.path in (b"", *_EMPTIED) or (entry.path in _ALWAYS and is_empty)
        yield 0 if ours else layers.get(entry.path, 0)


def ensure_directories(tree: Tree, paths: Iterable[str]) -> Tree:
    """The tree with directories at these absolute paths, made where they are missing (0755, 0:0, mtime 0).

    Symlinks are followed inside the tree. Nothing is made below /dev, /proc and /sys, which are mounted
    over. Raises InputError if something other than a directory is there.
    """
    known = {entry.path: entry.inode for entry in tree}
    before = len(known)
    for path in paths:
        where = f"directory {path[:150]!r}"
        if not path.startswith("/"):
            raise InputError(f"{where}: is not an absolute path")
        real = resolve(path.encode(), known.get, where)
        for directory in (*_above(real), real):
            if directory and directory.split(b"/")[0] not in _EMPTIED:
                inode = known.setdefault(directory, _DIRECTORY)
                if inode.type is not FileType.DIRECTORY:
                    raise InputError(f"{where}: {shown(b'/' + directory)} is not a directory")
    return tree if len(known) == before else _tree(known)


def _is_left_over(path: bytes, inode: Inode) -> bool:
    """Whether a builder left this behind: its own marks, stubs for its mounts, what it had mounted."""
    top = path.split(b"/", 1)[0]
    if top in _EMPTIED or any(path == mark or path.startswith(mark + b"/") for mark in _DROPPED):
        return True
    if path in _STUBS:
        return inode.type is FileType.REGULAR and inode.size == 0
    return path == _MTAB and inode.type is FileType.SYMLINK and inode.target == _MTAB_TARGET


def _standard_directories(tree: Mapping[bytes, Inode]) -> dict[bytes, Inode]:
    result = dict.fromkeys(_EMPTIED, _DIRECTORY)
    result[b""] = _plain(tree.get(b"", _DIRECTORY))
    used = _with_entries(tree)
    for name in _ALWAYS:
        inode = tree.get(name, _DIRECTORY)
        if inode.type is FileType.SYMLINK:
            continue
        if inode.type is not FileType.DIRECTORY:
            raise InputError(f"/{name.decode()} is not a directory in the image")
        result[name] = replace(inode, mtime=0) if name in used else _plain(inode)
    return result


def _with_entries(paths: Iterable[bytes]) -> set[bytes]:
    """The directories at the top that have something in them."""
    return {path.split(b"/", 1)[0] for path in paths if b"/" in path}


def _with_rules(tree: Mapping[bytes, Inode], epoch: int, progress: Progress) -> Iterator[tuple[bytes, Inode]]:
    """The entries with times and attributes by the rules. Names of one file still share one inode."""
    dropped: Counter[bytes] = Counter()
    done: dict[int, Inode] = {}
    for path, inode in tree.items():
        if id(inode) not in done:
            dropped.update(name for name, _ in inode.xattrs if not _is_kept(name))
            done[id(inode)] = _ruled(inode, epoch)
        yield path, done[id(inode)]
    for name, count in sorted(dropped.items()):
        progress.warn("xattr-dropped", f"extended attribute {shown(name)} of {count} file(s) is not kept")


def _ruled(inode: Inode, epoch: int) -> Inode:
    return replace(
        inode,
        mtime=max(0, min(inode.mtime, epoch)),
        xattrs=tuple((name, value) for name, value in inode.xattrs if _is_kept(name)),
    )


def _is_kept(name: bytes) -> bool:
    return name in KEPT_XATTRS or (name.startswith(_KEPT_PREFIX) and name != _KEPT_PREFIX)


def _plain(directory: Inode) -> Inode:
    return replace(directory, mode=0o755, uid=0, gid=0, mtime=0)


def _above(path: bytes) -> Iterator[bytes]:
    """The directories above a path, from the top."""
    parts = path.split(b"/")
    return (b"/".join(parts[:count]) for count in range(1, len(parts)))


def _tree(inodes: Mapping[bytes, Inode]) -> Tree:
    """The entries in path order; names that share an inode are hard links, named by the first of them."""
    paths = sorted(inodes)
    names = Counter(id(inode) for inode in inodes.values())
    first: dict[int, bytes] = {}
    entries = []
    for path in paths:
        inode = inodes[path]
        linked = names[id(inode)] > 1 and inode.type is not FileType.DIRECTORY
        entries.append(Entry(path, inode, first.setdefault(id(inode), path) if linked else b""))
    return Tree(tuple(entries))
