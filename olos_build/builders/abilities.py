"""What a Dockerfile and a call ask of a builder, and whether it can: known before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from olos.errors import BuildStepError
from olos.progress import Progress
from olos_build.builders.protocol import BuildRequest
from olos_build.dockerfile import Dockerfile, Instruction

MOUNT_TYPES = frozenset({"bind", "cache", "secret", "ssh", "tmpfs"})


@dataclass(frozen=True)
class Abilities:
    """What a builder can do. `others` names those that can do more, for messages."""

    builder: str
    others: str
    mounts: bool = True
    heredocs: bool = True
    remote_cache: bool = True


@dataclass(frozen=True)
class Mount:
    """A `RUN --mount`, and where it stands. `id` is what it takes a secret or an agent by."""

    instruction: Instruction
    type: str
    id: str


def mounts(dockerfile: Dockerfile) -> Iterator[Mount]:
    """All of a Dockerfile. The type is `bind` if none is given; a type in a variable is not known."""
    for instruction in dockerfile.instructions:
        runs = instruction.child or instruction
        for text in runs.flag_values("mount") if runs.keyword == "RUN" else ():
            fields = dict(_field(part) for part in text.split(","))
            kind = fields.get("type", "bind").lower()
            target = fields.get("target") or fields.get("dst") or fields.get("destination") or ""
            default = "default" if kind == "ssh" else target.rpartition("/")[2]
            yield Mount(instruction, kind, fields.get("id") or default)


def check(dockerfile: Dockerfile, request: BuildRequest, can: Abilities, progress: Progress) -> None:
    """Raises BuildStepError for what the builder cannot do. Warns of secrets that go amiss."""
    for mount in mounts(dockerfile):
        _check_mount(dockerfile, mount, can)
    for instruction in dockerfile.instructions:
        if instruction.heredocs and not can.heredocs:
            _refuse(dockerfile, instruction, "a here-document", can)
    extras = request.extras
    for option, used in (
        ("--secret", extras.secrets and not can.mounts),
        ("--ssh", extras.ssh and not can.mounts),
        ("--cache-from", extras.cache_from and not can.remote_cache),
        ("--cache-to", extras.cache_to and not can.remote_cache),
    ):
        if used:
            raise BuildStepError(f"{option}: {can.builder} cannot do that", hint=f"use {can.others}")
    _warn(dockerfile, request, progress)


def _field(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip().lower(), value.strip()


def _check_mount(dockerfile: Dockerfile, mount: Mount, can: Abilities) -> None:
    if not can.mounts:
        _refuse(dockerfile, mount.instruction, f"RUN --mount=type={mount.type[:80]}", can)
    if mount.type not in MOUNT_TYPES and "$" not in mount.type:
        raise BuildStepError(
            f"{dockerfile.path}: line {mount.instruction.line}: RUN --mount: no type {mount.type[:80]!r}",
            hint=f"the types are {', '.join(sorted(MOUNT_TYPES))}",
        )


def _refuse(dockerfile: Dockerfile, instruction: Instruction, what: str, can: Abilities) -> None:
    raise BuildStepError(
        f"{dockerfile.path}: line {instruction.line}: {what}: {can.builder} cannot do that",
        hint=f"use {can.others}",
    )


def _warn(dockerfile: Dockerfile, request: BuildRequest, progress: Progress) -> None:
    found = [mount for mount in mounts(dockerfile) if mount.type in ("secret", "ssh")]
    given = {("secret", secret.id) for secret in request.extras.secrets}
    given |= {("ssh", source.id) for source in request.extras.ssh}
    for mount in found:
        if (mount.type, mount.id) not in given and "$" not in mount.id:
            progress.warn(
                "secret-missing",
                f"{dockerfile.path}: line {mount.instruction.line}: RUN --mount=type={mount.type}:"
                f" {mount.id[:80]!r} is not given with --{mount.type}",
            )
    for kind, name in sorted(given - {(mount.type, mount.id) for mount in found}):
        if not any("$" in mount.id for mount in found):
            progress.warn("secret-unused", f"--{kind} {name}: no RUN --mount=type={kind} asks for it")
