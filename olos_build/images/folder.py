"""Where the files of an image lie: in a directory, or in an archive that holds the same."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

from olos.canonical import JSON, parse
from olos.errors import InputError
from olos.extent import Extent
from olos.tree import FileType
from olos_build.lookup import resolve
from olos_build.merge import contents

DOCUMENT_LIMIT = 4 << 20
"""Most bytes of a JSON document of an image, as registries and engines have it."""


class Folder(Protocol):
    """Files by name; `origin` is what messages call it."""

    origin: str

    def find(self, name: str) -> Extent | None:
        """A regular file, None if there is none of that name."""


class DirectoryFolder:
    """The files below a directory. Symlinks are followed: content is verified, so nothing is won by them."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InputError(f"{path}: is not a directory")
        self.origin, self._path = str(path), path

    def find(self, name: str) -> Extent | None:
        path = self._path / name
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
        return Extent(path, 0, status.st_size) if stat.S_ISREG(status.st_mode) else None


class ArchiveFolder:
    """The files in an uncompressed tar archive, where they stand."""

    def __init__(self, archive: Extent, origin: str) -> None:
        self.origin, self._archive, self._files = origin, archive, contents(archive, origin)

    def find(self, name: str) -> Extent | None:
        where = f"{self.origin}: {name}"
        inode = self._files.get(resolve(name.encode(), self._files.get, where))
        if inode is None or inode.type is not FileType.REGULAR:
            return None
        if not inode.content and inode.size == 0:
            return Extent(self._archive.path, self._archive.offset, 0)
        if len(inode.content) != 1 or inode.content[0].extent.size != inode.size:
            raise InputError(f"{where}: is a sparse file, which an image's archive has no use for")
        return inode.content[0].extent


def require(folder: Folder, name: str) -> Extent:
    """The file of that name. Raises InputError if it is missing."""
    extent = folder.find(name)
    if extent is None:
        raise InputError(f"{folder.origin}: {name} is missing")
    return extent


def document(folder: Folder, name: str) -> JSON:
    """A JSON document of at most DOCUMENT_LIMIT bytes, which no digest protects. Raises InputError."""
    where = f"{folder.origin}: {name}"
    return parse(small(require(folder, name), where), where=where)


def small(extent: Extent, where: str) -> bytes:
    """All bytes of a document. Raises InputError, naming `where`, if it is too large."""
    if extent.size > DOCUMENT_LIMIT:
        raise InputError(f"{where}: {extent.size} bytes, more than the {DOCUMENT_LIMIT} of a document")
    return extent.read(DOCUMENT_LIMIT)
