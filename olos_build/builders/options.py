"""What builders take over from a request in the same way."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from olos_build.builders.protocol import BuildRequest
from olos_build.dockerfile import Dockerfile

EPOCH_ARGUMENT = "SOURCE_DATE_EPOCH"


def build_arguments(request: BuildRequest, dockerfile: Dockerfile) -> dict[str, str]:
    """The build arguments. A Dockerfile that declares SOURCE_DATE_EPOCH gets it, as BuildKit does."""
    arguments = dict(request.build_args)
    if dockerfile.declares(EPOCH_ARGUMENT):
        arguments.setdefault(EPOCH_ARGUMENT, str(request.epoch))
    return arguments


def by_hand(command: str, request: BuildRequest, environment: Mapping[str, str] | None = None) -> str:
    """A hint: the same build as a command that can be pasted."""
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    stage = [f"--target={request.stage}"] if request.stage else []
    arguments = [f"--build-arg={name}={value}" for name, value in request.build_args]
    where = ["-f", str(request.dockerfile), str(request.context)]
    return "to try it by hand: " + shlex.join([*settings, *command.split(), *stage, *arguments, *where])
