"""What builders take over from a request in the same way."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from olos_build.builders.protocol import BuildRequest
from olos_build.builders.variables import EPOCH_ARGUMENT
from olos_build.dockerfile import Dockerfile


def build_arguments(request: BuildRequest, dockerfile: Dockerfile) -> dict[str, str]:
    """The build arguments, with SOURCE_DATE_EPOCH for what declares it."""
    added = {name for _, name in dockerfile.added}
    arguments = {name: value for name, value in request.extras.variables if name in added}
    arguments |= dict(request.build_args)
    if dockerfile.declares(EPOCH_ARGUMENT):
        arguments.setdefault(EPOCH_ARGUMENT, str(request.time))
    return arguments


def without_cache(request: BuildRequest) -> bool:
    """Whether layers in the builder's cache are not wanted, or may differ from those made now.

    Builders leave the times of files out of the keys of their caches, so the cache may hold files with
    the times of somebody's checkout. With SOURCE_DATE_EPOCH 0 the tree has no times, else it has.
    """
    return request.extras.no_cache or request.epoch != 0


def common_options(request: BuildRequest, dockerfile: Dockerfile) -> list[str]:
    """The options that `buildah build` and `docker buildx build` spell alike, but for the network."""
    extras = request.extras
    options = [f"--platform={request.platform}"]
    options += ["--no-cache"] if without_cache(request) else []
    options += [f"--target={request.stage}"] if request.stage else []
    options += [f"--build-arg={name}={value}" for name, value in build_arguments(request, dockerfile).items()]
    options += [f"--build-context={folder.name}={folder.path}"] if (folder := request.folder) else []
    options += [f"--secret={secret.option()}" for secret in extras.secrets]
    return options + [f"--ssh={source.option()}" for source in extras.ssh]


def by_hand(command: str, request: BuildRequest, environment: Mapping[str, str] | None = None) -> str:
    """A hint: the same build as a command that can be pasted.

    Build arguments go by name, for the program to take from the environment: a hint ends up in logs,
    and a value may be a secret, against all advice.
    """
    extras = request.extras
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    options = [f"--target={request.stage}"] if request.stage else []
    options += [f"--build-arg={name}" for name, _ in request.build_args]
    options += [f"--secret={secret.option()}" for secret in extras.secrets]
    options += [f"--ssh={source.option()}" for source in extras.ssh]
    options += [f"--network={extras.network}"] if extras.network != "default" else []
    where = ["-f", str(request.dockerfile), str(request.context)]
    hint = "to try it by hand: " + shlex.join([*settings, *command.split(), *options, *where])
    names = " and ".join(name for name, _ in request.build_args)
    return f"{hint} (with {names} in the environment)" if names else hint
