"""Layers verified and decompressed: blob in, tar archive out (OCI layer media types, RFC 1952, RFC 8878).

A blob's own digest is checked while it streams, and the digest of what it unpacks to. An uncompressed
layer is used where it lies; others are unpacked into the spool, a directory for as long as the build.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from olos.digest import Digest
from olos.errors import InputError
from olos.extent import Extent
from olos.progress import Progress, Task
from olos_build.cache import LayerCache
from olos_build.images.decompress import DECOMPRESSORS, ERRORS, Pieces
from olos_build.images.hashing import BackgroundHash
from olos_build.images.model import Layer

UNPACKED_LIMIT = 64 << 30
"""Most bytes that the layers of an image may unpack to."""

_CHUNK = 1 << 20
_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes((0x50 + n, 0x2A, 0x4D, 0x18)): "zstd" for n in range(16)},
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
}


@dataclass(frozen=True)
class Blob:
    """Bytes, what messages call them, and the digest they must have, None if nobody said."""

    name: str
    extent: Extent
    digest: Digest | None = None


class Spool:
    """Unpacks blobs into a directory. All methods raise InputError naming the blob.

    What the cache has of layers is taken from there, and their blobs are not read.
    """

    def __init__(
        self, folder: Path, progress: Progress, limit: int | None = None, cache: LayerCache | None = None
    ) -> None:
        self._folder, self._progress, self._cache = folder, progress, cache
        self._left = min(UNPACKED_LIMIT, shutil.disk_usage(folder).free) if limit is None else limit
        self._layers: dict[tuple[Digest | None, Digest], Layer] = {}

    def layer(self, blob: Blob, diff_id: Digest) -> Layer:
        """The layer in a blob, verified: it must unpack to `diff_id`."""
        known = self._layers.get((blob.digest, diff_id))
        if known and blob.digest:
            return known
        extent = self._cache.find(diff_id) if self._cache else None
        if extent is None:
            extent = self._verified(blob, diff_id)
        self._layers[blob.digest, diff_id] = Layer(extent, diff_id)
        return self._layers[blob.digest, diff_id]

    def _verified(self, blob: Blob, diff_id: Digest) -> Extent:
        extent, unpacked = self._unpack(blob, diff_id.algorithm)
        if unpacked != diff_id:
            raise mismatch(f"{blob.name}: digest of the unpacked layer", diff_id, unpacked)
        if self._cache:
            self._cache.keep(diff_id, extent, own=extent.path.parent == self._folder)
        return extent

    def archive(self, blob: Blob) -> Extent:
        """An archive, unpacked if it is compressed."""
        if _compression(blob) is None:
            return blob.extent
        return self._unpack(blob, "sha256")[0]

    def _unpack(self, blob: Blob, algorithm: str) -> tuple[Extent, Digest]:
        """The uncompressed bytes and their digest; the blob's own digest has been checked."""
        compression = _compression(blob)
        with (
            blob.extent.open() as raw,
            self._progress.task(blob.name, blob.extent.size, "B") as task,
            _Hashing(raw, blob.digest.algorithm if blob.digest else algorithm, task) as source,
        ):
            if compression is not None:
                return self._decompress(blob, source, compression, algorithm)
            _check(blob, source)
            if source.algorithm != algorithm:
                raise InputError(f"{blob.name}: its digest and its diff_id are of different algorithms")
            return blob.extent, source.digest()

    def _decompress(
        self, blob: Blob, source: _Hashing, compression: str, algorithm: str
    ) -> tuple[Extent, Digest]:
        try:
            descriptor, path = tempfile.mkstemp(".tar", "unpacked-", self._folder)
            with os.fdopen(descriptor, "wb") as output, closing(DECOMPRESSORS[compression](source)) as pieces:
                digest, size = self._copy(pieces, output, algorithm, blob.name)
        except ERRORS as exc:
            _check(blob, source)  # a damaged blob is named as such
            raise InputError(f"{blob.name}: cannot be decompressed: {exc}") from exc
        except OSError as exc:
            raise InputError(
                f"{self._folder}: cannot be written: {exc.strerror}", hint="free some space there"
            ) from exc
        _check(blob, source)
        return Extent(Path(path), 0, size), digest

    def _copy(self, pieces: Pieces, output: BinaryIO, algorithm: str, name: str) -> tuple[Digest, int]:
        """Copy within the limit. Digest and number of bytes."""
        size = 0
        with BackgroundHash(algorithm) as state:
            for piece in pieces:
                size += len(piece)
                self._left -= len(piece)
                if self._left < 0:
                    raise InputError(
                        f"{name}: unpacks to more than there is room for",
                        hint=f"free some space in {self._folder}; "
                        f"no image may have more than {UNPACKED_LIMIT}",
                    )
                state.update(piece)
                output.write(piece)
            return Digest(algorithm, state.digest()), size


class _Hashing:
    """Hashes what is read through it and reports it. A context manager."""

    def __init__(self, stream: BinaryIO, algorithm: str, task: Task) -> None:
        self.algorithm = algorithm
        self._stream, self._task, self._state = stream, task, BackgroundHash(algorithm)

    def __enter__(self) -> _Hashing:
        return self

    def __exit__(self, *exception: object) -> None:
        self._state.__exit__(*exception)

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._state.update(data)
        self._task.advance(len(data))
        return data

    def digest(self) -> Digest:
        """The digest of what has been read."""
        return Digest(self.algorithm, self._state.digest())


def _check(blob: Blob, source: _Hashing) -> None:
    """Read the rest of a blob and compare its digest."""
    while source.read(_CHUNK):
        pass
    if blob.digest and source.digest() != blob.digest:
        raise mismatch(f"{blob.name}: digest", blob.digest, source.digest())


def _compression(blob: Blob) -> str | None:
    with blob.extent.open() as stream:
        start = stream.read(8)
    name = next((name for magic, name in _MAGICS.items() if start.startswith(magic)), None)
    if name is not None and name not in DECOMPRESSORS:
        raise InputError(f"{blob.name}: is compressed with {name}, not with gzip or zstd")
    return name


def mismatch(what: str, expected: object, actual: object) -> InputError:
    """An input that is not what its digest or size says."""
    return InputError(
        f"{what} does not match\n  expected {expected}\n  actual   {actual}",
        hint="the image is damaged or incomplete: fetch or build it again",
    )
