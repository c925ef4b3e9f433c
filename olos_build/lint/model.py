"""What rules look at, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from olos_build.dockerfile import Dockerfile, ImageUse, Instruction, Stage
from olos_build.lint.calls import Call, calls_of


class Severity(IntEnum):
    """How sure drift is. `ERROR`: the next build differs, or a secret is out. `WARNING`: it may. `NOTE`."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Facts:
    """What is beside a Dockerfile. `locked`: an olos.lock, which pins images and what ADD downloads."""

    has_ignore_file: bool = False
    locked: bool = False


@dataclass(frozen=True)
class Site:
    """One instruction with all that rules may ask about it. Valid while it is being looked at.

    `snapshot`: the stage takes its packages from a source that does not change.
    """

    dockerfile: Dockerfile
    instruction: Instruction
    stage: Stage | None
    images: tuple[ImageUse, ...]
    facts: Facts
    snapshot: bool = False
    first: bool = False

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The programs that a RUN instruction calls, in their order."""
        return tuple(calls_of(self.instruction, self.stage)) if self.stage else ()

    @cached_property
    def pipelines(self) -> tuple[tuple[Call, ...], ...]:
        """The same, those of a pipe together."""
        groups: dict[tuple[int, int], list[Call]] = {}
        for call in self.calls:
            groups.setdefault(call.pipeline, []).append(call)
        return tuple(tuple(group) for group in groups.values())

    @cached_property
    def _by_command(self) -> dict[int, Call]:
        return {id(call.command): call for call in self.calls}

    def outer_call(self, call: Call) -> Call | None:
        """The call that has another one as a substitution in its words."""
        return self._by_command.get(id(call.command.within))

    def programs(self, *names: str) -> Iterator[Call]:
        """The calls of programs of some names."""
        return (call for call in self.calls if call.program in names)

    def has_variable(self, name: str, call: Call | None = None) -> bool:
        """Whether a variable is set, and not empty, for the stage or for one call."""
        of_stage = self.stage.variables.get(name) if self.stage else None
        return bool(of_stage or (call and call.environment.get(name)))

    def mounts_cache(self, *targets: str) -> bool:
        """Whether RUN keeps one of some directories out of the image with --mount=type=cache or tmpfs."""
        mounts = [
            dict(option.partition("=")[::2] for option in mount.split(","))
            for mount in self.instruction.flag_values("mount")
        ]
        return any(
            mount.get("type") in ("cache", "tmpfs")
            and any((m := mount.get(key, "")) and m.rstrip("/").endswith(targets) for key in _TARGETS)
            for mount in mounts
        )


_TARGETS = ("target", "dst", "destination")


class Hit(NamedTuple):
    """What a rule has found: the line, what is there, and what to write instead."""

    line: int
    message: str
    cure: str


Check = Callable[[Site], Iterator[Hit]]
"""Looks at one instruction."""


@dataclass(frozen=True)
class Rule:
    """A source of drift. The name does not change; `reason` says why it matters, in one sentence."""

    name: str
    severity: Severity
    reason: str
    check: Check


@dataclass(frozen=True)
class Finding:
    """What was found, where, and by which rule. Lines count from 1."""

    rule: Rule
    line: int
    message: str
    cure: str
