"""The table of builders, and which one `--builder` chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from olos.errors import MissingToolError, UsageError
from olos_build.builders.buildah import Buildah
from olos_build.builders.buildkit import BuildKit
from olos_build.builders.buildkit_address import Address
from olos_build.builders.docker import Docker
from olos_build.builders.protocol import Builder

BuilderName: TypeAlias = Literal["auto", "buildah", "docker", "buildkit"]

BUILDERS: Mapping[str, Builder] = {"buildah": Buildah(), "docker": Docker(), "buildkit": BuildKit()}
"""In the order in which `auto` tries them."""


def choose(name: BuilderName, buildkit: Address | None = None) -> Builder:
    """The builder of this name, or for `auto` the first that can be used. Raises MissingToolError.

    `buildkit` is the address of a daemon; with it `auto` means buildkit, and others are a UsageError.
    """
    if buildkit is not None:
        if name not in ("auto", "buildkit"):
            raise UsageError(f"--buildkit-address and --builder {name} cannot be used together")
        chosen: Builder = BuildKit(buildkit)
        chosen.version()
        return chosen
    if name != "auto":
        BUILDERS[name].version()
        return BUILDERS[name]
    for builder in BUILDERS.values():
        if builder.available():
            return builder
    raise MissingToolError(
        "no builder: buildah is not installed, and neither a Docker Engine nor BuildKit answers",
        hint="apt-get install buildah; or apt-get install docker.io, start it, or set DOCKER_HOST",
    )
