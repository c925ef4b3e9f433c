"""A Dockerfile under a lock: each word that names something from outside says which one it is.

Images get a reference by digest, Git repositories a commit. An ADD of URLs becomes a COPY from a directory
of downloads that were verified: all builders know that, and it does not show in the build context. Lines stay
where they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from olos.errors import BuildStepError, MismatchError
from olos.progress import Progress
from olos_build import download
from olos_build.builders.protocol import NamedFolder, Pinned
from olos_build.cache import LayerCache, limit_from_environment, user_folder
from olos_build.dockerfile import Dockerfile, decode
from olos_build.lock import Lock, LockedDownload, LockedImage
from olos_build.outside import CommitWanted, DownloadsWanted, ImageWanted, Span, Unpinnable, wanted
from olos_build.repository import at_commit

_DIGITS = 16
_MODE = 0o600  # what builders give a file that they download


@dataclass(frozen=True)
class Plan:
    """A Dockerfile under a lock, and what the lock does not cover. `folder` is the name of the downloads."""

    dockerfile: Dockerfile
    images: tuple[LockedImage, ...]
    downloads: Mapping[str, LockedDownload]
    folder: str
    missing: tuple[Unpinnable, ...]


@dataclass(frozen=True)
class _Edit:
    span: Span
    text: str


class _Planner:
    def __init__(self, lock: Lock, folder: str) -> None:
        self._images = {image.reference: image for image in lock.images}
        self._downloads = {item.url: item for item in lock.downloads}
        self._commits = {item.url: item for item in lock.commits}
        self._folder = folder
        self.images: dict[str, LockedImage] = {}
        self.downloads: dict[str, LockedDownload] = {}
        self.missing: list[Unpinnable] = []

    def edits(self, item: ImageWanted | DownloadsWanted | CommitWanted) -> Iterator[_Edit]:
        """What takes the place of the words of one item; nothing if the lock does not have it."""
        if isinstance(item, ImageWanted):
            yield from self._image(item)
        elif isinstance(item, DownloadsWanted):
            yield from self._download(item)
        elif commit := self._commits.get(item.url):
            yield _Edit(item.span, at_commit(item.url, commit.commit))
        else:
            self._lacks(item.line, f"git {item.url}")

    def _image(self, item: ImageWanted) -> Iterator[_Edit]:
        image = self._images.get(item.reference)
        if image is None:
            self._lacks(item.line, f"image {item.reference}")
            return
        self.images[image.pinned] = image
        yield from (_Edit(span, image.pinned) for span in item.spans)

    def _download(self, item: DownloadsWanted) -> Iterator[_Edit]:
        lacking = [file for file in item.files if file.url not in self._downloads]
        for file in lacking:
            self._lacks(item.line, f"download {file.url}")
        if lacking:
            return
        yield _Edit(item.keyword, f"COPY --from={self._folder}")
        yield from (_Edit(span, "") for span in item.checksum_spans)
        for file in item.files:
            locked = self._downloads[file.url]
            check_sum(item, locked)
            place = f"{locked.sha256.hex[:_DIGITS]}/{file.name}"
            self.downloads[place] = locked
            yield _Edit(file.span, json.dumps(f"/{place}") if item.json else f"/{place}")

    def _lacks(self, line: int, what: str) -> None:
        self.missing.append(Unpinnable(line, what, "the lock does not have it"))


def plan(
    dockerfile: Dockerfile, lock: Lock, build_args: Iterable[tuple[str, str]], stage: str | None
) -> Plan:
    """Put what the lock says in the place of what the Dockerfile says.

    Raises MismatchError if the two contradict each other, BuildStepError for a Dockerfile that is none.
    """
    planner = _Planner(lock, _folder_name(lock))
    edits: dict[int, _Edit] = {}
    for item in wanted(dockerfile, dict(build_args), stage):
        if isinstance(item, Unpinnable):
            planner.missing.append(item)
        else:
            edits |= {edit.span.start: edit for edit in planner.edits(item)}
    content = _edited(dockerfile.content.decode("utf-8-sig"), edits.values()).encode()
    return Plan(
        dockerfile=decode(content, dockerfile.path) if edits else dockerfile,
        images=tuple(planner.images.values()),
        downloads=planner.downloads,
        folder=_folder_name(lock),
        missing=tuple(planner.missing),
    )


def prepare(planned: Plan, folder: Path, progress: Progress) -> Pinned:
    """Fetch the downloads of a plan into a new directory, verified.

    Raises MismatchError, InputError or BuildStepError.
    """
    if not planned.downloads:
        return Pinned(planned.dockerfile, planned.images)
    folder.mkdir()
    with LayerCache(user_folder(), limit_from_environment(), progress) as cache:
        for place, locked in planned.downloads.items():
            path = folder / place
            path.parent.mkdir(exist_ok=True)
            download.fetch(locked, path, cache, progress)
            path.chmod(_MODE)
    return Pinned(planned.dockerfile, planned.images, NamedFolder(planned.folder, folder))


def check_sum(item: DownloadsWanted, found: LockedDownload) -> None:
    """Raise MismatchError if a --checksum of the Dockerfile says something else."""
    for checksum in item.checksums:
        if checksum.lower() != str(found.sha256):
            raise MismatchError.of(
                f"{found.url}: line {item.line}: --checksum",
                expected=checksum,
                actual=found.sha256,
                hint="correct the --checksum, or see why the URL gives something else",
            )


def check_base(planned: Plan, base: LockedImage, layers: tuple[object, ...]) -> None:
    """Raise MismatchError unless the layers of a built image begin with those of its base."""
    if layers[: len(base.layers)] != base.layers:
        differing = next(
            (pair for pair in zip(base.layers, layers, strict=False) if pair[0] != pair[1]),
            (len(base.layers), len(layers)),
        )
        raise MismatchError.of(
            f"{planned.dockerfile.path}: layers of the base {base.pinned} in the built image",
            expected=differing[0],
            actual=differing[1],
            hint="the builder has another image under this name; remove it there, and build again",
        )


def _folder_name(lock: Lock) -> str:
    """The same name as long as the downloads are the same, so that builders may use their caches."""
    text = "\n".join(f"{item.sha256} {item.url}" for item in lock.downloads)
    return f"olos-add-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    parts, position = [], 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        if edit.span.start < position:
            raise BuildStepError("what the lock replaces overlaps")
        parts += [text[position : edit.span.start], edit.text]
        position = edit.span.end
    return "".join([*parts, text[position:]])
