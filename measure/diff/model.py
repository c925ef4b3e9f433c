"""What `olos diff` finds: two measurements, and every difference between what they are measurements of.

Text from images stands here as it is, paths spelt by `olos.spelling`: who shows it makes it harmless first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from olos.digest import Digest

Kind: TypeAlias = Literal["manifest", "component", "file", "annotation"]
What: TypeAlias = Literal["added", "removed", "changed"]

DEBUG_TWIN = "debug-twin"
"""Name of the cause of two layouts that differ in `policy.debug` alone."""


@dataclass(frozen=True)
class Cause:
    """Why something differs. `name` is stable; `text` says it in words, `cure` what to do about it."""

    name: str
    text: str
    cure: str


@dataclass(frozen=True)
class Attribute:
    """One property with both values; None where a side does not have it."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Origin:
    """Who wrote a file: the layer (from 1; 0 is olos itself) and, where known, the Dockerfile's instruction.

    `base`: the layer is one of the base image.
    """

    layer: int
    line: int | None
    instruction: str | None
    base: bool


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    `subject`: a dotted key (manifest, annotation), a name in the layout (component), an absolute path (file).
    `inside`: the subject of the topmost directory that was added or removed along with this file, if that is
    why it differs; `below`: for such a directory, how many entries are inside.
    `evidence`: what was found by looking into contents, to be shown like attributes.
    """

    kind: Kind
    subject: str
    what: What
    attributes: tuple[Attribute, ...] = ()
    evidence: tuple[Attribute, ...] = ()
    causes: tuple[Cause, ...] = ()
    old_origin: Origin | None = None
    new_origin: Origin | None = None
    inside: str | None = None
    below: int = 0

    @property
    def origin(self) -> Origin | None:
        """Who wrote it: in the new state if it is there, else in the old one."""
        return self.new_origin or self.old_origin


@dataclass(frozen=True)
class CauseCount:
    """How many changes have a cause; `evidence` is what it comes down to, as packages with versions."""

    cause: Cause
    changes: int
    evidence: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class FileCounts:
    """How many files differ, all of them counted, also those left out of `changes`."""

    added: int = 0
    removed: int = 0
    changed: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True)
class Difference:
    """All that differs between two sides.

    `changes`: manifest, components, annotations, then files in path order. `causes`: over all changes, the
    most important first. `unexplained`: changes of files without a cause. `files_known`: whether the
    files could be compared. `notes`: what limits this result. `left_out`: files that are counted, but not
    in `changes`.
    """

    old_name: str
    new_name: str
    old_measurement: Digest
    new_measurement: Digest
    changes: tuple[Change, ...] = ()
    causes: tuple[CauseCount, ...] = ()
    notes: tuple[str, ...] = ()
    files: FileCounts = FileCounts()
    unexplained: int = 0
    left_out: int = 0
    files_known: bool = True

    @property
    def equal(self) -> bool:
        """Whether both sides have the same measurement."""
        return self.old_measurement == self.new_measurement

    @property
    def debug_twin(self) -> bool:
        """Whether nothing differs but `policy.debug`."""
        return any(count.cause.name == DEBUG_TWIN for count in self.causes)
