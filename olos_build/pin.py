"""Making a lock: what a Dockerfile takes from outside as it is now, and what it is built with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from olos import VERSION
from olos.digest import Digest
from olos.extent import Extent
from olos.progress import Progress
from olos_build import download, registry, repository
from olos_build.builders.protocol import Builder
from olos_build.cache import LayerCache, limit_from_environment, user_folder
from olos_build.component import Component
from olos_build.dockerfile import Dockerfile
from olos_build.lock import Lock, LockedCommit, LockedDownload, LockedFile, LockedImage
from olos_build.locked import check_sum
from olos_build.outside import CommitWanted, DownloadsWanted, ImageWanted, Unpinnable, wanted
from olos_build.packages import packages_of

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All that a build starts from. `stage` None means the last one."""

    dockerfile: Dockerfile
    build_args: tuple[tuple[str, str], ...]
    stage: str | None
    kernel: tuple[Component, ...]
    crt: tuple[Component, ...]
    builder: Builder
    source_date_epoch: int


def pin(inputs: Inputs, progress: Progress) -> tuple[Lock, tuple[Unpinnable, ...]]:
    """The lock, and what cannot be pinned. All sources are asked; nothing is built.

    Raises InputError, BuildStepError, MismatchError or MissingToolError.
    """
    found = _Found(progress)
    for item in wanted(inputs.dockerfile, dict(inputs.build_args), inputs.stage):
        found.add(item)
    lock = Lock(
        images=_in_order(found.images),
        downloads=_in_order(found.downloads),
        commits=_in_order(found.commits),
        kernel=locked_files(inputs.kernel),
        crt=locked_files(inputs.crt),
        builder=inputs.builder.name,
        builder_version=inputs.builder.version(),
        olos_version=VERSION,
        source_date_epoch=inputs.source_date_epoch,
    )
    return lock, tuple(found.unpinnable)


def locked_files(components: Iterable[Component]) -> tuple[LockedFile, ...]:
    """The digests of component files, and the Debian packages that they came with."""
    components = tuple(components)
    packages = packages_of(item.source for item in components if item.source)
    return tuple(
        LockedFile(item.path, Digest.sha256(item.content), packages.get(item.source) if item.source else None)
        for item in components
    )


class _Found:
    """What has been found so far, each thing once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.images: dict[str, LockedImage] = {}
        self.downloads: dict[str, LockedDownload] = {}
        self.commits: dict[str, LockedCommit] = {}
        self.unpinnable: list[Unpinnable] = []

    def add(self, item: ImageWanted | DownloadsWanted | CommitWanted | Unpinnable) -> None:
        if isinstance(item, Unpinnable):
            self.unpinnable.append(item)
        elif isinstance(item, ImageWanted):
            if item.reference not in self.images:
                self.images[item.reference] = registry.resolve(item.reference, self._progress)
        elif isinstance(item, CommitWanted):
            if item.url not in self.commits:
                self.commits[item.url] = repository.resolve(item.url, self._progress)
        else:
            self._download(item)

    def _download(self, item: DownloadsWanted) -> None:
        for file in item.files:
            if file.url not in self.downloads:
                self.downloads[file.url] = self._downloaded(file.url)
            check_sum(item, self.downloads[file.url])

    def _downloaded(self, url: str) -> LockedDownload:
        """What a URL gives now. It is kept, so that the build need not fetch it again."""
        limit = limit_from_environment()
        with (
            tempfile.TemporaryDirectory(prefix="olos-") as folder,
            LayerCache(user_folder(), limit, self._progress) as cache,
        ):
            path = Path(folder) / "file"
            found = download.download(url, path, self._progress)
            cache.keep(found.sha256, Extent.of_file(path), own=False)
        return found


def _in_order(items: dict[str, _T]) -> tuple[_T, ...]:
    return tuple(items[name] for name in sorted(items))
