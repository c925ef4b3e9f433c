"""`--network none` with buildah.

With chroot isolation RUN steps are in the network of buildah itself and `--network none` is refused. So
buildah gets a network namespace of its own (unshare(1)) that has nothing, and what must be pulled is
pulled before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from olos.errors import BuildStepError
from olos.progress import Progress
from olos_build.builders.protocol import BuildRequest
from olos_build.builders.storage import BUILDAH
from olos_build.dockerfile import Dockerfile, Walk
from olos_build.tool import Tool, ToolFailedError, run

UNSHARE = Tool("unshare", "util-linux")
_URL = re.compile(r"(https?|git|ssh)://|git@", re.IGNORECASE)


def command() -> tuple[Tool, list[str | Path]]:
    """The program and its first arguments with which `buildah` runs without a network."""
    inside: list[str | Path] = ["--net", "--", BUILDAH.path()]
    if os.geteuid() == 0:
        return UNSHARE, inside
    # Only in a user namespace may a user make another network.
    return BUILDAH, ["unshare", "--", UNSHARE.path(), *inside]


def pull(
    request: BuildRequest, dockerfile: Dockerfile, environment: Mapping[str, str], progress: Progress
) -> None:
    """Get the images that the build begins with. Raises BuildStepError for an ADD of a URL."""
    walk = Walk(dockerfile, dict(request.build_args))
    for step in walk.steps():
        _refuse_urls(dockerfile, step.instruction.keyword, step.instruction.arguments, step.instruction.line)
        for reference in {use.reference for use in walk.images(step) if use.reference}:
            # Not every stage is built; what is missing and needed fails there.
            with suppress(ToolFailedError):
                run(
                    BUILDAH,
                    ["pull", "--policy=missing", "--quiet", f"--platform={request.platform}", reference],
                    progress.output,
                    environment=environment,
                )


def _refuse_urls(dockerfile: Dockerfile, keyword: str, arguments: tuple[str, ...], line: int) -> None:
    for source in arguments[:-1] if keyword == "ADD" else ():
        if _URL.match(source):
            raise BuildStepError(
                f"{dockerfile.path}: line {line}: ADD {source[:200]}: buildah has no network for it with"
                " --network none",
                hint="use --builder buildkit, or put the file into the build context",
            )
