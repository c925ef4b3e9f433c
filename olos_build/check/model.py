"""The circumstances of one build, and what becomes of each when it is built again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from olos_build.check.storage import Storage


@dataclass(frozen=True)
class Place:
    """Where a build is done again: with which builder, for the how many-th time, from 1.

    `storage` is buildah's for this build alone; None where it cannot be had, and `why_not` says why.
    """

    builder: str
    number: int
    storage: Storage | None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a circumstance is made another one. `text` says what it is now.

    `prefix` are programs that start the builder, `personality` are options of setarch(8), `environment` and
    `umask` are the builder's, `variables` are those of RUN steps. `traces` are what a step may have written
    down of it: before, and now. `cure` says what to do about a step that did.
    """

    text: str
    prefix: tuple[str, ...] = ()
    personality: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    umask: int | None = None
    traces: tuple[tuple[str, str], ...] = ()
    cure: str = ""


@dataclass(frozen=True)
class Stays:
    """Why a circumstance is what it was."""

    reason: str


@dataclass(frozen=True)
class Dimension:
    """One circumstance. `risk`: above 0, some programs fail under another one, though nothing is wrong."""

    name: str
    vary: Callable[[Place], Change | Stays]
    risk: int = 0


Outcome: TypeAlias = "tuple[str, Change | Stays]"
"""The name of a circumstance, and what became of it."""
