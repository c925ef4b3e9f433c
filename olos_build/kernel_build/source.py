"""Linux' source: Debian's tarball, another one, or a directory.

Only a copy is worked on. Parts that User-Mode Linux never compiles are left out, but for the files
that describe the build: they are two thirds of all.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from olos.digest import Digest, sha256_stream
from olos.errors import InputError, MissingToolError
from olos.files import open_input
from olos.progress import Progress

SERIES = "6.1"
"""What configuration and patches are made for."""

FOLDER = Path("/usr/src")
PACKAGE = f"linux-source-{SERIES}"
HINT = f"apt-get install {PACKAGE} bc bison flex gcc libc6-dev make patch, or give a source with --source"

_LIMIT = 4 << 30
_MEMBERS = 200_000
_MAX_DEPTH = 64
_CHUNK = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_UNUSED = re.compile(
    r"(Documentation|samples|sound|tools/(perf|testing)|arch/(?!um/|x86/)[^/]+"
    r"|drivers/(clk|gpu|iio|infiniband|media|pinctrl|scsi|staging|usb|video|net/(ethernet|wireless)))/"
)
_DESCRIBES_BUILD = re.compile(r"(Kconfig|Makefile|Kbuild)[^/]*$")
_MAKEFILE = re.compile(r"^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """Where the source was taken from: its name, its digest if it is one file, and Linux' version."""

    name: str
    sha256: Digest | None
    version: str


def find(given: Path | None) -> Path:
    """The source: what was given, or what Debian's package has. Raises MissingToolError."""
    if given is not None:
        return given
    path = FOLDER / f"{PACKAGE}.tar.xz"
    if not path.exists():
        raise MissingToolError(f"{path}: there is no source of Linux", hint=HINT)
    return path


def unpack(origin: Path, folder: Path, progress: Progress) -> Source:
    """Copy the source to `folder`, which does not exist yet. Raises InputError."""
    try:
        if origin.is_dir():
            _version(origin, origin)  # before anything is copied: it may be any directory
            shutil.copytree(origin, folder, symlinks=True, ignore=_ignored(origin))
            digest = None
        else:
            with open_input(origin) as stream:
                digest = _digest(stream, origin)
                _extract(stream, folder, progress, origin)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, OverflowError) as exc:
        if isinstance(exc, OSError) and exc.errno in _NO_ROOM:
            raise InputError(
                f"{tempfile.gettempdir()}: cannot be written: {exc.strerror}",
                hint="free some space there, or set TMPDIR to another directory",
            ) from exc
        raise InputError(f"{origin}: cannot be unpacked: {_reason(exc)}") from exc
    return Source(origin.name, digest, _version(folder, origin))


def _reason(exc: Exception) -> str:
    if isinstance(exc, shutil.Error):  # all that went wrong, each with source, target and reason
        name, _, reason = exc.args[0][0]
        return f"{name}: {reason}"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc).partition(":\n")[0]  # tarfile adds what each kind of compression says


def _is_used(path: str) -> bool:
    return not _UNUSED.match(path) or _DESCRIBES_BUILD.search(path) is not None


def _ignored(origin: Path) -> Callable[[str, list[str]], set[str]]:
    def ignored(folder: str, names: list[str]) -> set[str]:
        inner = Path(folder).relative_to(origin)
        paths = {name: (inner / name).as_posix() for name in names}
        return {
            n
            for n, path in paths.items()
            if path == ".git" or not (_is_used(path) or (origin / path).is_dir())
        }

    return ignored


def _digest(stream: BinaryIO, origin: Path) -> Digest:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{origin}: is neither a directory nor a regular file")
    if status.st_size > _LIMIT:
        raise _too_large(origin)
    return sha256_stream(stream)[0]


def _too_large(origin: Path) -> InputError:
    return InputError(f"{origin}: is larger than the source of a kernel can be")


def _extract(stream: BinaryIO, folder: Path, progress: Progress, origin: Path) -> None:
    folder.mkdir()
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive, progress.task("unpacking", None, "files") as task:
        for member in _wanted(archive, origin):
            archive.extract(member, folder, filter="data")
            task.advance(1)
        _read_to_end(archive, origin)


def _read_to_end(archive: tarfile.TarFile, origin: Path) -> None:
    """A compressed file says at its end what its bytes are, which is behind the end of the archive."""
    assert archive.fileobj is not None
    total = 0
    while chunk := archive.fileobj.read(_CHUNK):
        total += len(chunk)
        if total > _LIMIT:
            raise _too_large(origin)


def _wanted(archive: tarfile.TarFile, origin: Path) -> Iterator[tarfile.TarInfo]:
    """The members that are used, without the one directory that all lie in.

    What leads elsewhere, and what is neither file nor symlink, is refused by the filter "data" of tarfile.
    """
    total = 0
    for count, member in enumerate(archive):
        total += member.size
        if total > _LIMIT or count > _MEMBERS:
            raise _too_large(origin)
        if member.islnk():
            raise InputError(f"{origin}: has hard links, as no source of a kernel has")
        parts = PurePosixPath(member.name).parts[1:]
        if len(parts) > _MAX_DEPTH:
            raise InputError(f"{origin}: has directories that are nested more than {_MAX_DEPTH} deep")
        path = "/".join(parts)
        if path and not member.isdir() and _is_used(path):
            member.name = path
            yield member


def _version(folder: Path, origin: Path) -> str:
    hint = f"give the source of Linux {SERIES}, as {FOLDER / PACKAGE}.tar.xz"
    try:
        with open_input(folder / "Makefile") as stream:
            match = _MAKEFILE.search(stream.read(_CHUNK).decode())
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{origin}: is not the source of Linux", hint=hint) from exc
    if not match:
        raise InputError(f"{origin}: is not the source of Linux", hint=hint)
    version = ".".join(match.groups())
    if not version.startswith(f"{SERIES}."):
        raise InputError(f"{origin}: is Linux {version}, not {SERIES}", hint=hint)
    return version
