"""Layers kept between builds: uncompressed archives by the digest of their bytes, in a directory of the user.

The name of an entry holds two digests: the diff_id of the layer, and the SHA-256 over the digests of its
4096-byte blocks, which several processors compute together. An entry is used only after that second digest
was recomputed, and removed if it differs: what happens to the cache never changes a measurement.

No locks are needed. An entry appears by a rename or link, whole; it is held open while it is used, so that
another build may remove it meanwhile; and two builds that keep the same layer write the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from olos.digest import Digest
from olos.errors import UsageError
from olos.extent import Extent
from olos.hashcore import file_block_hashes
from olos.progress import Progress

SIZE_VARIABLE = "OLOS_CACHE_SIZE"
DEFAULT_LIMIT = 8 << 30
"""Most bytes of all entries together."""

_SIZE = re.compile(r"(0|[1-9][0-9]{0,11})([KMGT]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_ENTRY = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{64}")
_UNFINISHED = "unfinished-"
_STALE_SECONDS = 24 * 3600
"""What was left unfinished so long ago, nobody finishes."""
_STEP = 16 << 20


def limit_from_environment() -> int:
    """Most bytes of the cache: OLOS_CACHE_SIZE, such as 500M or 8G; 0 switches it off. Raises UsageError."""
    text = os.environ.get(SIZE_VARIABLE) or str(DEFAULT_LIMIT)
    match = _SIZE.fullmatch(text)
    if not match:
        raise UsageError(f"{SIZE_VARIABLE}={text[:80]!r} is no size", hint="for instance 500M, 8G, or 0")
    return int(match[1]) * _UNITS[match[2]]


def user_folder() -> Path:
    """Where the layers of this user are kept: below XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    top = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
    return top / "olos" / "layers"


@dataclass(frozen=True)
class _Entry:
    path: Path
    size: int
    used: float


class LayerCache:
    """The layers in a directory that is the user's alone. A context manager: what `find` gave is valid in it.

    It is a help and no more: where it cannot be used there is one warning, and nothing is found or kept.
    """

    def __init__(self, folder: Path, limit: int, progress: Progress) -> None:
        self._folder, self._limit, self._progress = folder, limit, progress
        self._open = ExitStack()
        self._usable = limit > 0
        self._found: dict[Digest, Extent] = {}

    def __enter__(self) -> LayerCache:
        with self._tolerant():
            if self._usable:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _check_private(self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def find(self, diff_id: Digest) -> Extent | None:
        """The layer with this digest, verified; None if there is none that is whole."""
        with self._tolerant():
            for path in self._entries_of(diff_id) if diff_id not in self._found else ():
                if extent := self._verified(path):
                    self._found[diff_id] = extent
                    break
        return self._found.get(diff_id)

    def keep(self, diff_id: Digest, layer: Extent, *, own: bool) -> None:
        """Keep a verified layer; the least recently used go where room is wanted.

        `own`: the layer is all of a file that nobody changes, so that a second name is as good as a copy.
        """
        if not self._usable or diff_id.algorithm != "sha256" or not 0 < layer.size <= self._limit:
            return
        with self._tolerant(), layer.descriptor() as source:
            path = self._folder / f"{diff_id.hex}.{_check_digest(source, layer.offset, layer.size)}"
            if path.exists():
                return
            self._prune(self._limit - layer.size)
            self._add(layer, path, own)

    def _entries_of(self, diff_id: Digest) -> list[Path]:
        if not self._usable or diff_id.algorithm != "sha256":
            return []
        return [path for path in self._folder.glob(f"{diff_id.hex}.*") if _ENTRY.fullmatch(path.name)]

    def _verified(self, path: Path) -> Extent | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:  # another build has just removed it
            return None
        self._open.callback(os.close, descriptor)
        size = os.fstat(descriptor).st_size
        if _check_digest(descriptor, 0, size) != path.name.rpartition(".")[2]:
            path.unlink(missing_ok=True)
            return None
        os.utime(descriptor)
        # By its descriptor it is there even when its name is gone.
        return Extent(Path(f"/proc/self/fd/{descriptor}"), 0, size)

    def _add(self, layer: Extent, path: Path, own: bool) -> None:
        unfinished = self._folder / f"{_UNFINISHED}{os.getpid()}-{path.name[:16]}"
        try:
            if not own or not _link(layer.path, unfinished):
                _copy(layer, unfinished)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _prune(self, limit: int) -> None:
        """Remove the least recently used entries until there are at most `limit` bytes."""
        entries = sorted(self._list(), key=lambda entry: entry.used)
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= limit:
                break
            entry.path.unlink(missing_ok=True)
            total -= entry.size

    def _list(self) -> Iterator[_Entry]:
        """All entries; what an ended build left unfinished is removed on the way."""
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.lstat()
                if path.name.startswith(_UNFINISHED) and status.st_mtime < time.time() - _STALE_SECONDS:
                    path.unlink()
                else:
                    yield _Entry(path, status.st_size, status.st_mtime)

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._usable = False
            reason = exc.strerror or str(exc)
            self._progress.warn("cache-unusable", f"{self._folder}: layers are not kept there: {reason}")


def _check_private(folder: Path) -> None:
    """Raise PermissionError unless a directory, and the one it is in, are ours and no other's to write."""
    for path, forbidden in ((folder, 0o077), (folder.parent, 0o022)):
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & forbidden:
            raise PermissionError(f"{path} is not a directory that is yours alone")


def _check_digest(descriptor: int, offset: int, size: int) -> str:
    state = hashlib.sha256()
    for start in range(0, size, _STEP):
        state.update(file_block_hashes(descriptor, offset + start, min(_STEP, size - start)))
    return state.hexdigest()


def _link(source: Path, target: Path) -> bool:
    """A second name; False where that cannot be, as over file systems."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copy(layer: Extent, target: Path) -> None:
    with layer.open() as stream, target.open("xb") as output:
        os.fchmod(output.fileno(), 0o600)
        shutil.copyfileobj(stream, output, _STEP)
