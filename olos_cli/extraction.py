"""`olos extract`: entries of a root file system as files in a new directory of the host.

The image may be anybody's. Nothing is written outside of the directory: parents are opened name
by name without following symlinks, and every name is made anew. Unless asked to preserve them,
files belong to the caller, without set-id bits and xattrs, and device nodes are left out.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from olos.errors import InputError
from olos.output import atomic_directory, check_free
from olos.progress import Progress, Task
from olos.tree import Entry, FileType, Inode
from olos_cli.text import visible_path
from pack.copying import copy_extent

_DEVICES = {FileType.CHARACTER: 0o020000, FileType.BLOCK: 0o060000}
_UP = frozenset({b"", b".", b".."})
_XATTR_LIMITS = {errno.EOPNOTSUPP, errno.E2BIG, errno.ENOSPC}
"""How file systems say that they do not keep an xattr, or none of this size."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def extract(
    entries: Iterable[Entry],
    selected: frozenset[bytes],
    destination: Path,
    *,
    preserve: bool,
    progress: Progress,
) -> int:
    """Write the selected entries, and all that is below them, into a new directory; gives their number.

    `entries` are those of a tree in path order; directories on the way to a selected entry are made
    too. `preserve`: owners, set-id bits, xattrs and device nodes as well, which takes root. Raises
    InputError if `destination` is neither absent nor empty, or if something cannot be written.
    """
    check_free(destination)
    with atomic_directory(destination.resolve(), durable=False) as folder:
        root = os.open(folder, _FOLDER)
        writer = _Writer(root, str(destination), preserve)
        try:
            with progress.task(f"extracting to {destination}", None, "B") as task:
                for entry in entries:
                    if _is_wanted(entry, selected):
                        writer.write(entry, task)
                writer.finish()
        finally:
            writer.close()
            os.close(root)
    writer.warn(progress)
    return writer.count


def _is_wanted(entry: Entry, selected: frozenset[bytes]) -> bool:
    if b"" in selected or entry.path in selected:
        return True
    if entry.inode.type is FileType.DIRECTORY:
        prefix = entry.path + b"/" if entry.path else b""
        if any(path.startswith(prefix) for path in selected):
            return True
    parts = entry.path.split(b"/")
    return any(b"/".join(parts[:depth]) in selected for depth in range(1, len(parts)))


class _Writer:
    """Makes files below an open directory. `where` is what messages call the directory."""

    def __init__(self, root: int, where: str, preserve: bool) -> None:
        self.count = 0
        self._root, self._where, self._preserve = root, where, preserve
        self._parent: tuple[bytes, int] = (b"", os.dup(root))
        self._directories: list[Entry] = []
        self._first_names: dict[bytes, bytes] = {}
        self._devices = self._plain = 0

    def close(self) -> None:
        """Close what is open."""
        os.close(self._parent[1])

    def write(self, entry: Entry, task: Task) -> None:
        """Make one entry; its directory was made before. Attributes of directories come in `finish`."""
        if entry.path and not _UP.isdisjoint(entry.path.split(b"/")):
            raise InputError(f"{self._where}: {visible_path(entry.path)} is no path of a tree")
        try:
            if entry.inode.type is FileType.DIRECTORY:
                self._make_directory(entry)
            elif not self._is_linked(entry):
                self._make(entry, task)
        except OSError as exc:
            raise self._failed(entry, exc) from exc

    def finish(self) -> None:
        """Give the directories their attributes, the deepest first: some would allow no more files."""
        for entry in reversed(self._directories):
            try:
                parent, name = self._place(entry.path)
                self._set_attributes(entry.inode, parent, name)
            except OSError as exc:
                raise self._failed(entry, exc) from exc

    def warn(self, progress: Progress) -> None:
        """Say what was left out."""
        if self._devices:
            progress.warn(
                "devices-skipped", f"{self._devices} device nodes were left out (--preserve keeps them)"
            )
        if self._plain:
            progress.warn(
                "xattrs-dropped", f"the file system keeps not all xattrs; {self._plain} files have fewer"
            )

    def _make_directory(self, entry: Entry) -> None:
        if entry.path:
            parent, name = self._place(entry.path)
            os.mkdir(name, 0o700, dir_fd=parent)
        self._directories.append(entry)
        self.count += 1

    def _is_linked(self, entry: Entry) -> bool:
        """Whether a file is one more name of one that was made; then it is made."""
        if not entry.link:
            return False
        first = self._first_names.setdefault(entry.link, entry.path)
        if first == entry.path or (entry.inode.type in _DEVICES and not self._preserve):
            return False
        first_parent = self._open_parent(first)
        try:
            parent, name = self._place(entry.path)
            os.link(_name(first), name, src_dir_fd=first_parent, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(first_parent)
        self.count += 1
        return True

    def _make(self, entry: Entry, task: Task) -> None:
        inode, (parent, name) = entry.inode, self._place(entry.path)
        if inode.type is FileType.REGULAR:
            self._make_file(inode, parent, name, task)
        elif inode.type is FileType.SYMLINK:
            os.symlink(inode.target, name, dir_fd=parent)
        elif inode.type is FileType.FIFO:
            os.mkfifo(name, 0o600, dir_fd=parent)
        elif self._preserve:
            os.mknod(name, _DEVICES[inode.type] | 0o600, os.makedev(*inode.device), dir_fd=parent)
        else:
            self._devices += 1
            return
        self._set_attributes(inode, parent, name)
        self.count += 1

    def _make_file(self, inode: Inode, parent: int, name: bytes, task: Task) -> None:
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            os.truncate(descriptor, inode.size)
            for segment in inode.content:
                copy_extent(segment.extent, descriptor, segment.offset, task)
        finally:
            os.close(descriptor)

    def _set_attributes(self, inode: Inode, parent: int, name: bytes) -> None:
        if self._preserve:
            os.chown(name, inode.uid, inode.gid, dir_fd=parent, follow_symlinks=False)
        if inode.type is not FileType.SYMLINK:
            # Behind chown, which takes set-id bits away. The name is no symlink: this process made it.
            os.chmod(name, self._mode(inode), dir_fd=parent)
        if self._preserve:
            self._set_xattrs(inode, parent, name)
        os.utime(name, (inode.mtime, inode.mtime), dir_fd=parent, follow_symlinks=False)

    def _mode(self, inode: Inode) -> int:
        if self._preserve:
            return inode.mode
        return inode.mode & (0o1777 if inode.type is FileType.DIRECTORY else 0o777)

    def _set_xattrs(self, inode: Inode, parent: int, name: bytes) -> None:
        path = b"/proc/self/fd/%d/%s" % (parent, name)
        try:
            for key, value in inode.xattrs:
                os.setxattr(path, key, value, follow_symlinks=False)
        except OSError as exc:
            if exc.errno not in _XATTR_LIMITS:
                raise
            self._plain += 1

    def _place(self, path: bytes) -> tuple[int, bytes]:
        """The open directory of a path, and its name there. The last directory stays open."""
        directory = path.rpartition(b"/")[0]
        if self._parent[0] != directory:
            descriptor = self._open_parent(path)
            os.close(self._parent[1])
            self._parent = directory, descriptor
        return self._parent[1], _name(path)

    def _open_parent(self, path: bytes) -> int:
        descriptor = os.dup(self._root)
        try:
            for part in path.split(b"/")[:-1]:
                below = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _failed(self, entry: Entry, error: OSError) -> InputError:
        return InputError(
            f"{self._where}: /{visible_path(entry.path)} cannot be written: {error.strerror}",
            hint="free some space, or write elsewhere" if error.errno == errno.ENOSPC else None,
        )


def _name(path: bytes) -> bytes:
    """The last name of a path; the root is "." in itself."""
    return path.rpartition(b"/")[2] or b"."
