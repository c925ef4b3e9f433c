"""Images of a lock in the storage that buildah builds from (containers-storage(5)).

What is there under its digest already is used, so nobody asks the registry. What is not is fetched and
verified here first, and only then handed to buildah.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from olos.progress import Progress
from olos_build import registry
from olos_build.acquire import SKOPEO
from olos_build.lock import LockedImage
from olos_build.tool import Tool, ToolFailedError, first_line, run

BUILDAH = Tool("buildah", "buildah")


def preload(
    images: Iterable[LockedImage], spool: Path, progress: Progress, environment: Mapping[str, str]
) -> None:
    """Have all images in the storage. Raises MismatchError, BuildStepError or MissingToolError."""
    for image in images:
        if _is_stored(image, environment):
            continue
        folder = registry.fetch(image, spool / image.manifest.digest.hex, progress)
        copy = ["copy", "--quiet", f"dir:{folder}", f"containers-storage:{image.pinned}"]
        run(SKOPEO, copy, progress.output, environment=environment)
        shutil.rmtree(folder)


def _is_stored(image: LockedImage, environment: Mapping[str, str]) -> bool:
    """Whether it is there, and its id is the digest of the locked configuration."""
    arguments = ["inspect", "--type=image", "--format={{.FromImageID}}", image.pinned]
    try:
        return first_line(BUILDAH, arguments, environment=environment) == image.config.hex
    except ToolFailedError:
        return False
