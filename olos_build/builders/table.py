"""The table of builders, and which one `--builder` chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from olos.errors import MissingToolError
from olos_build.builders.buildah import Buildah
from olos_build.builders.docker import Docker
from olos_build.builders.protocol import Builder

BuilderName: TypeAlias = Literal["auto", "buildah", "docker"]

BUILDERS: Mapping[str, Builder] = {"buildah": Buildah(), "docker": Docker()}
"""In the order in which `auto` tries them."""


def choose(name: BuilderName) -> Builder:
    """The builder of this name, or for `auto` the first that can be used. Raises MissingToolError."""
    if name != "auto":
        BUILDERS[name].version()
        return BUILDERS[name]
    for builder in BUILDERS.values():
        if builder.available():
            return builder
    raise MissingToolError(
        "no builder: buildah is not installed, and no Docker Engine answers",
        hint="apt-get install buildah; or apt-get install docker.io, start it, or set DOCKER_HOST",
    )
