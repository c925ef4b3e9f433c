"""What every builder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from olos.progress import Progress
from olos_build.builders.secrets import Secret, SshSource
from olos_build.builders.variables import EPOCH_ARGUMENT, with_arguments
from olos_build.dockerfile import Dockerfile, load
from olos_build.lock import LockedImage

PLATFORM = "linux/amd64"

OLDEST_TIME = 315_619_200
"""Seconds: 1980-01-02 00:00:00 UTC. Stands for SOURCE_DATE_EPOCH 0, since ZIP archives, such as Python's
wheels, cannot hold a time of 1970. The tree has none of it: its times are limited to SOURCE_DATE_EPOCH."""

Network: TypeAlias = Literal["default", "none", "host"]


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a build may use beyond Dockerfile, context and arguments. None of it may be in the image.

    `network` is what RUN steps see. `cache_from` and `cache_to` are BuildKit's remote caches. With
    `no_cache` nothing is taken from a cache. RUN steps get `variables` that neither the image nor the
    Dockerfile sets.
    """

    secrets: tuple[Secret, ...] = ()
    ssh: tuple[SshSource, ...] = ()
    network: Network = "default"
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False
    variables: tuple[tuple[str, str], ...] = ()


NO_EXTRAS = Extras()


@dataclass(frozen=True)
class NamedFolder:
    """A directory that COPY --from=`name` reads, beside the build context."""

    name: str
    path: Path


@dataclass(frozen=True)
class Pinned:
    """A Dockerfile under a lock: what it takes from outside is named by digest. `images` are those images."""

    dockerfile: Dockerfile
    images: tuple[LockedImage, ...] = ()
    folder: NamedFolder | None = None


@dataclass(frozen=True)
class BuildRequest:
    """What is to be built. `epoch` is SOURCE_DATE_EPOCH in seconds; `stage` None means the last one.

    `pinned` takes the place of what `dockerfile` holds, for all that builders do with it.
    """

    dockerfile: Path
    context: Path
    stage: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    epoch: int = 0
    platform: str = PLATFORM
    extras: Extras = NO_EXTRAS
    pinned: Pinned | None = None

    def load(self) -> Dockerfile:
        """The Dockerfile for the builder. Raises like `olos_build.dockerfile.load`."""
        dockerfile = self.pinned.dockerfile if self.pinned else load(self.dockerfile)
        variables = [name for name, _ in self.extras.variables if not dockerfile.declares(name)]
        return with_arguments(dockerfile, [EPOCH_ARGUMENT, *variables])

    @property
    def time(self) -> int:
        """SOURCE_DATE_EPOCH as RUN steps see it, and the time of the files of the context; in seconds."""
        return self.epoch or OLDEST_TIME

    @property
    def images(self) -> tuple[LockedImage, ...]:
        """The images that the Dockerfile names by digest because of a lock."""
        return self.pinned.images if self.pinned else ()

    @property
    def folder(self) -> NamedFolder | None:
        """The directory beside the context, if there is one."""
        return self.pinned.folder if self.pinned else None


@dataclass(frozen=True)
class BuiltImage:
    """An image on disk and who made it.

    An `oci-directory` is an OCI image layout; an `archive` is a tar of one, or what `docker save` writes.
    `tag` selects one of several images.
    """

    kind: Literal["oci-directory", "archive"]
    path: Path
    builder: str
    version: str
    tag: str | None = None


class Builder(Protocol):
    """A program or service that builds images from Dockerfiles."""

    @property
    def name(self) -> str:
        """What `--builder` calls it."""

    def available(self) -> bool:
        """Whether it can be used here."""

    def version(self) -> str:
        """Its version. Raises MissingToolError if it is not available."""

    def build(self, request: BuildRequest, spool: Path, progress: Progress) -> BuiltImage:
        """Build; the image and all scratch data go to `spool`, which is the caller's to remove.

        Raises InputError for a wrong context or no Dockerfile, BuildStepError when a step or the
        builder fails or cannot do what the Dockerfile asks for, MissingToolError when the builder is
        not available.
        """
