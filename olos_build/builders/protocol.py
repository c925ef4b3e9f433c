"""What every builder takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from olos.progress import Progress


@dataclass(frozen=True)
class BuildRequest:
    """What is to be built. `epoch` is SOURCE_DATE_EPOCH in seconds; `stage` None means the last one."""

    dockerfile: Path
    context: Path
    stage: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    epoch: int = 0
    platform: str = "linux/amd64"


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
        builder fails, MissingToolError when the builder is not available.
        """
