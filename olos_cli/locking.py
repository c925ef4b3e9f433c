"""Building under a lock, and making one. Composes `olos_build`; knows nothing of the terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from olos import VERSION
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.output import atomic_file
from olos.progress import Progress
from olos_build import crt as crts
from olos_build import kernel as kernels
from olos_build import locked, pin
from olos_build.builders.buildkit_address import Address
from olos_build.builders.protocol import Builder, Pinned
from olos_build.builders.table import BUILDERS, BuilderName, choose
from olos_build.component import Component
from olos_build.dockerfile import Dockerfile
from olos_build.dockerfile import load as load_dockerfile
from olos_build.image import Image
from olos_build.lock import Change, Lock, LockedFile, changes
from olos_build.lock import load as load_lock
from olos_build.outside import Unpinnable, base_reference

_LONG = re.compile(r"\b([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b")
"""Commits and digests: their first 12 digits are enough to tell them apart."""


@dataclass(frozen=True, kw_only=True)
class PinOptions:
    """What `olos pin` is asked for."""

    dockerfile: Path
    output: Path
    update: bool
    builder: BuilderName
    stage: str | None
    build_args: tuple[tuple[str, str], ...]
    kernel: Path | None
    host_mounts: bool
    source_date_epoch: int


@dataclass(frozen=True)
class Pinning:
    """What came of it. `old` is the lock that was there; `written` whether the file is a new one now."""

    path: Path
    lock: Lock
    old: Lock | None
    written: bool
    changes: tuple[Change, ...]
    unpinnable: tuple[Unpinnable, ...]


def make(options: PinOptions, progress: Progress) -> Pinning:
    """Make a lock. One that is there and says something else stays, unless it is to be updated.

    Raises any OlosError.
    """
    old = _old(options)
    lock, unpinnable = pin.pin(_inputs(options, old), progress)
    for item in unpinnable:
        progress.warn("not-pinned", _unpinned(options.dockerfile, item))
    moved = changes(old, lock) if old else ()
    write = old is None or (options.update and old.encode() != lock.encode())
    if write:
        with atomic_file(options.output) as stream:
            stream.write(lock.encode())
    return Pinning(options.output, lock, old, write, moved, unpinnable)


def _old(options: PinOptions) -> Lock | None:
    if not os.path.lexists(options.output):
        return None
    try:
        return load_lock(options.output)
    except InputError:
        if options.update:
            return None
        raise


def _inputs(options: PinOptions, old: Lock | None) -> pin.Inputs:
    return pin.Inputs(
        dockerfile=load_dockerfile(options.dockerfile),
        build_args=options.build_args,
        stage=options.stage,
        kernel=kernels.collect(options.kernel, host_mounts=options.host_mounts),
        crt=crts.collect(),
        builder=choose_builder(options.builder, old),
        source_date_epoch=options.source_date_epoch,
    )


def choose_builder(name: BuilderName, lock: Lock | None, buildkit: Address | None = None) -> Builder:
    """The builder that is asked for; for `auto` that of the lock, if it is here. Raises like `choose`."""
    known = BUILDERS.get(lock.builder) if lock and name == "auto" and buildkit is None else None
    return known if known and known.available() else choose(name, buildkit)


@dataclass(frozen=True)
class Locked:
    """A lock in use for one Dockerfile. `strict`: nothing may lack in it, and no tool may have moved."""

    path: Path
    lock: Lock
    dockerfile: Dockerfile
    plan: locked.Plan
    base: str | None
    strict: bool

    def check_files(self, kernel: Iterable[Component], crt: Iterable[Component], epoch: int) -> None:
        """Compare kernel, crt and source_date_epoch with the lock. Raises MismatchError."""
        now = replace(
            self.lock,
            kernel=_files(kernel, self.lock),
            crt=_files(crt, self.lock),
            source_date_epoch=epoch,
        )
        self._refuse(changes(self.lock, now))

    def check_tools(self, builder: Builder, progress: Progress) -> None:
        """Compare builder and olos with the lock: a warning, or if strict MismatchError."""
        now = replace(
            self.lock, builder=builder.name, builder_version=builder.version(), olos_version=VERSION
        )
        moved = changes(self.lock, now)
        if self.strict:
            self._refuse(moved)
        for change in moved:
            progress.warn("lock-tools", f"{self.path}: {line_of(change)}")

    def prepare(self, folder: Path, progress: Progress) -> Pinned:
        """What the builder gets. Raises MismatchError or BuildStepError."""
        return locked.prepare(self.plan, folder, progress)

    def check_image(self, image: Image) -> None:
        """The lowest layers must be those of the locked base. Raises MismatchError."""
        for base in self.lock.images:
            if base.reference == self.base:
                locked.check_base(self.plan, base, tuple(layer.diff_id for layer in image.layers))

    def _refuse(self, moved: tuple[Change, ...]) -> None:
        if moved:
            lines = "\n  ".join(line_of(change) for change in moved)
            raise MismatchError(
                f"{self.path}: what it locks has moved\n  {lines}", hint=accept_hint(self.dockerfile.path)
            )


def use(
    path: Path, dockerfile: Path, stage: str | None, build_args: tuple[tuple[str, str], ...], *, strict: bool
) -> Locked:
    """Read a lock and apply it to a Dockerfile. Raises InputError, MismatchError or BuildStepError."""
    if strict and not os.path.lexists(path):
        raise InputError(f"{path}: there is no lock", hint=f"write one: olos pin {dockerfile}")
    lock, loaded = load_lock(path), load_dockerfile(dockerfile)
    plan = locked.plan(loaded, lock, build_args, stage)
    base = base_reference(loaded, dict(build_args), stage)
    if strict and plan.missing:
        lines = "\n  ".join(_unpinned(dockerfile, item) for item in plan.missing)
        raise InputError(f"{path}: does not cover all\n  {lines}", hint=accept_hint(dockerfile))
    return Locked(path, lock, loaded, plan, base, strict)


def warn_of_missing(used: Locked, progress: Progress) -> None:
    """A named warning for each thing that the lock does not cover."""
    for item in used.plan.missing:
        progress.warn("not-pinned", _unpinned(used.dockerfile.path, item))


def line_of(change: Change) -> str:
    """What moved, in one line; digests are shortened, the lock has them in full."""
    old, new = (_shortened(value) for value in (change.old, change.new))
    return f"{change.what}: {old} → {new}"


def accept_hint(dockerfile: Path) -> str:
    """How to accept what moved."""
    return f"to accept it: olos pin --update {dockerfile}"


def _unpinned(dockerfile: Path, item: Unpinnable) -> str:
    return f"{dockerfile}: line {item.line}: {item.what} is not pinned: {item.reason}"


def _files(components: Iterable[Component], lock: Lock) -> tuple[LockedFile, ...]:
    """The files as they are now. Whose digest is that of the lock has the package of the lock."""
    before = {file.path: file for file in (*lock.kernel, *lock.crt)}
    found: list[LockedFile] = []
    for component in components:
        known = before.get(component.path)
        same = known is not None and known.sha256 == Digest.sha256(component.content)
        found += [known] if known and same else pin.locked_files([component])
    return tuple(found)


def _shortened(value: str | None) -> str:
    return _LONG.sub(r"\1", value) if value is not None else "not there"
