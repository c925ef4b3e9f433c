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


def cache_is_foreign(request: BuildRequest) -> bool:
    """Whether layers in the builder's cache may differ from those that would be made now.

    Builders leave the times of files out of the keys of their caches, so the cache may hold files with
    the times of somebody's checkout. With SOURCE_DATE_EPOCH 0 the tree has no times, else it has.
    """
    return request.epoch != 0


def by_hand(command: str, request: BuildRequest, environment: Mapping[str, str] | None = None) -> str:
    """A hint: the same build as a command that can be pasted."""
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    stage = [f"--target={request.stage}"] if request.stage else []
    arguments = [f"--build-arg={name}={value}" for name, value in request.build_args]
    where = ["-f", str(request.dockerfile), str(request.context)]
    return "to try it by hand: " + shlex.join([*settings, *command.split(), *stage, *arguments, *where])
