"""The build context: what of the directory beside a Dockerfile the builders get to see.

Every builder gets the same: names in bytewise order, owner 0:0, modes as git keeps them (0755 or 0644),
one time for all, no extended attributes, hard links as files of their own. So an image does not depend
on umask, user, checkout time or the order of a directory. `.dockerignore` is honoured and itself never
sent: it speaks to the builder (docs/adr/0002-one-context-for-all-builders.md). Nor is any `olos.lock`, so
that a new lock alone makes no new image.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from olos.errors import InputError
from olos.progress import Progress
from olos_build.builders.protocol import BuildRequest
from olos_build.dockerfile import read_text_file
from olos_build.ignorefile import IgnoreFile, Verdict
from olos_build.lock import FILE_NAME as LOCK_FILE

IGNORE_FILE = ".dockerignore"
RESERVED = ".olos-dockerfile"
"""The name that a Dockerfile has where it must be sent inside the context."""

MAX_DEPTH = 200
_ANY_EXECUTE = 0o111
_MENTIONED = 3


@dataclass(frozen=True)
class Item:
    """One directory, regular file or symlink of the context. `path` is relative; size in bytes."""

    path: str
    source: Path
    type: int
    mode: int
    size: int = 0
    target: str = ""

    def open(self) -> BinaryIO:
        """The content of a regular file. Raises InputError if it is none any more."""
        try:
            descriptor = os.open(self.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as exc:
            raise InputError(
                f"{self.source}: cannot be read: {exc.strerror}",
                hint=f"make it readable, or leave it out with {IGNORE_FILE}",
            ) from exc
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != self.size:
            os.close(descriptor)
            raise InputError(f"{self.source}: changed while the context was read")
        return os.fdopen(descriptor, "rb")


def items(request: BuildRequest, progress: Progress) -> Iterator[Item]:
    """What is sent, parents before children, siblings in bytewise order.

    Warns of special files (`context-special`) and of modes that are lost (`context-modes`).
    Raises InputError.
    """
    if not request.context.is_dir():
        raise InputError(f"{request.context}: the build context is no directory", hint="see --context")
    ignore = _ignore_file(request)
    survey = _Survey()
    yield from _walk(request.context, "", ignore.root, ignore, survey)
    survey.report(progress)


def tar(
    request: BuildRequest, out: BinaryIO, progress: Progress, extra: Mapping[str, bytes] | None = None
) -> None:
    """Write the context as a tar, with the files `extra` behind it. Raises InputError."""
    time = request.time
    with (
        progress.task("reading the build context", None, "B") as task,
        tarfile.open(
            fileobj=out, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as archive,
    ):
        for item in items(request, progress):
            header = _header(item.path, item.type, item.mode, item.size, time)
            header.linkname = item.target
            if item.type == stat.S_IFREG:
                with item.open() as stream:
                    _add(archive, header, stream, item)
            else:
                archive.addfile(header)
            task.advance(item.size)
        for name, content in (extra or {}).items():
            header = _header(name, stat.S_IFREG, 0o644, len(content), time)
            archive.addfile(header, BytesIO(content))


def check_apart(request: BuildRequest, folder: Path) -> None:
    """Raises InputError if a directory for scratch data is in the context, which would have no end then."""
    if folder.resolve().is_relative_to(request.context.resolve()):
        raise InputError(
            f"{request.context}: the build context has the directory for temporary files in it",
            hint="set TMPDIR to a directory elsewhere, or choose another --context",
        )


def unpack(request: BuildRequest, folder: Path, progress: Progress) -> None:
    """Write the context into a new directory `folder`. Raises InputError."""
    check_apart(request, folder)
    folder.mkdir()
    times = (request.time,) * 2
    directories = [folder]
    with progress.task("reading the build context", None, "B") as task:
        for item in items(request, progress):
            path = folder / item.path
            if item.type == stat.S_IFDIR:
                path.mkdir()
                directories.append(path)
            elif item.type == stat.S_IFLNK:
                path.symlink_to(item.target)
                os.utime(path, times, follow_symlinks=False)
            else:
                _copy(item, path)
                path.chmod(item.mode)
                os.utime(path, times)
            task.advance(item.size)
    for directory in reversed(directories):
        directory.chmod(0o755)
        os.utime(directory, times)


def _copy(item: Item, path: Path) -> None:
    with item.open() as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        if target.tell() != item.size:
            raise InputError(f"{item.source}: changed while the context was read")


def _add(archive: tarfile.TarFile, header: tarfile.TarInfo, stream: BinaryIO, item: Item) -> None:
    try:
        archive.addfile(header, stream)
    except OSError as exc:
        if exc.errno is not None:
            raise
        raise InputError(f"{item.source}: changed while the context was read") from exc


def _header(path: str, kind: int, mode: int, size: int, time: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(path)
    header.type = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE}.get(kind, tarfile.SYMTYPE)
    header.mode, header.size, header.mtime = mode, size, time
    return header


def _ignore_file(request: BuildRequest) -> IgnoreFile:
    """The patterns in force: those beside the Dockerfile under its own name go first, as with BuildKit."""
    own = request.dockerfile.parent / (request.dockerfile.name + IGNORE_FILE)
    for path in (own, request.context / IGNORE_FILE):
        if path.exists():
            text = read_text_file(path, "it must be a text file").decode("utf-8", "surrogateescape")
            return IgnoreFile(text, str(path))
    return IgnoreFile("", IGNORE_FILE)


def _walk(folder: Path, prefix: str, above: Verdict, ignore: IgnoreFile, survey: _Survey) -> Iterator[Item]:
    if prefix.count("/") > MAX_DEPTH:
        raise InputError(f"{folder}: directories are nested more than {MAX_DEPTH} deep")
    for entry in _entries(folder):
        path = prefix + entry.name
        if path in (IGNORE_FILE, RESERVED) or entry.name == LOCK_FILE:
            continue
        verdict = ignore.verdict(path, above)
        if entry.is_dir(follow_symlinks=False):
            if verdict.excluded and not ignore.takes_in:
                continue
            below = _walk(folder / entry.name, path + "/", verdict, ignore, survey)
            if verdict.excluded:  # It is sent only for what `!` takes in below it.
                first = next(below, None)
                if first is None:
                    continue
                below = chain((first,), below)
            survey.look(path, entry)
            yield Item(path, folder / entry.name, stat.S_IFDIR, 0o755)
            yield from below
        elif not verdict.excluded and (item := _item(path, folder, entry, survey)):
            yield item


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as exc:
        raise InputError(
            f"{folder}: cannot be read: {exc.strerror}",
            hint=f"make it readable, or leave it out with {IGNORE_FILE}",
        ) from exc


def _item(path: str, folder: Path, entry: os.DirEntry[str], survey: _Survey) -> Item | None:
    source = folder / entry.name
    try:
        if entry.is_symlink():
            # A Path would tidy the target up.
            return Item(path, source, stat.S_IFLNK, 0o777, target=os.readlink(source))  # noqa: PTH115
        status = entry.stat(follow_symlinks=False)
    except OSError as exc:
        raise InputError(f"{source}: cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(status.st_mode):
        survey.special.append(path)
        return None
    survey.look(path, entry)
    mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return Item(path, source, stat.S_IFREG, mode, status.st_size)


@dataclass
class _Survey:
    """What of the context does not survive."""

    special: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    private: list[str] = field(default_factory=list)
    public: bool = False

    def look(self, path: str, entry: os.DirEntry[str]) -> None:
        """Take note of a mode that no umask gives to a new file, or that is meant to hide it."""
        status = entry.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        usual = 0o777 if stat.S_ISDIR(status.st_mode) or mode & stat.S_IXUSR else 0o666
        if mode & ~usual or mode & 0o600 != 0o600:
            self.odd.append(f"{path} ({mode:04o})")
        elif not mode & stat.S_IROTH:
            self.private.append(f"{path} ({mode:04o})")
        else:
            self.public = True

    def report(self, progress: Progress) -> None:
        """Warn once of each kind. A umask explains closed files only when all are closed."""
        if self.special:
            progress.warn(
                "context-special",
                f"sockets, pipes and devices of the build context are left out: {_some(self.special)}",
            )
        lost = self.odd + (self.private if self.public else [])
        if lost:
            progress.warn(
                "context-modes",
                "files and directories of the build context become 0644 or 0755: "
                f"{_some(lost)}; COPY --chmod gives others",
            )


def _some(paths: list[str]) -> str:
    more = len(paths) - _MENTIONED
    return ", ".join(paths[:_MENTIONED]) + (f" and {more} more" if more > 0 else "")
