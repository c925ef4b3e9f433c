"""Linux' source: Debian's tarball, another one, or a directory.

Only a copy is worked on. Parts that User-Mode Linux never compiles are left out, but for the files
that describe the build: they are two thirds of all.
"""

from __future__ import annotations

import lzma
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from olos.digest import Digest, sha256_stream
from olos.errors import InputError, MissingToolError
from olos.progress import Progress

SERIES = "6.1"
"""What configuration and patches are made for."""

FOLDER = Path("/usr/src")
PACKAGE = f"linux-source-{SERIES}"
HINT = f"apt-get install {PACKAGE} bc bison flex gcc libc6-dev make patch, or give a source with --source"

_LIMIT = 4 << 30
_MEMBERS = 200_000
_CHUNK = 1 << 20
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
            shutil.copytree(origin, folder, symlinks=True, ignore=_ignored(origin))
            digest = None
        else:
            digest = _digest(origin)
            _extract(origin, folder, progress)
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, shutil.Error) as exc:
        raise InputError(f"{origin}: cannot be unpacked: {_reason(exc)}") from exc
    return Source(origin.name, digest, _version(folder, origin))


def _reason(exc: Exception) -> str:
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)


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


def _digest(origin: Path) -> Digest:
    with origin.open("rb") as stream:
        return sha256_stream(stream)[0]


def _extract(origin: Path, folder: Path, progress: Progress) -> None:
    folder.mkdir()
    with tarfile.open(origin) as archive, progress.task("unpacking", None, "files") as task:
        for member in _wanted(archive, origin):
            archive.extract(member, folder, filter="data")
            task.advance(1)


def _wanted(archive: tarfile.TarFile, origin: Path) -> Iterator[tarfile.TarInfo]:
    """The members that are used, without the one directory that all lie in.

    What leads elsewhere, and what is neither file nor symlink, is refused by the filter "data" of tarfile.
    """
    total = 0
    for count, member in enumerate(archive):
        total += member.size
        if total > _LIMIT or count > _MEMBERS:
            raise InputError(f"{origin}: is larger than the source of a kernel can be")
        if member.islnk():
            raise InputError(f"{origin}: has hard links, as no source of a kernel has")
        path = "/".join(PurePosixPath(member.name).parts[1:])
        if path and not member.isdir() and _is_used(path):
            member.name = path
            yield member


def _version(folder: Path, origin: Path) -> str:
    hint = f"give the source of Linux {SERIES}, as {FOLDER / PACKAGE}.tar.xz"
    try:
        with (folder / "Makefile").open(encoding="utf-8") as stream:
            match = _MAKEFILE.search(stream.read(_CHUNK))
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{origin}: is not the source of Linux", hint=hint) from exc
    if not match:
        raise InputError(f"{origin}: is not the source of Linux", hint=hint)
    version = ".".join(match.groups())
    if not version.startswith(f"{SERIES}."):
        raise InputError(f"{origin}: is Linux {version}, not {SERIES}", hint=hint)
    return version
