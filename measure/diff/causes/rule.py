"""What a rule sees and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Protocol

from measure.diff.model import Attribute, Cause, Origin, What
from measure.diff.side import Side
from olos.tree import Entry, FileType

MAX_CONTENT = 8 << 20
"""Bytes of the largest file that rules look into as a whole."""


@dataclass(frozen=True)
class Finding:
    """A cause that fits, and what was seen."""

    cause: Cause
    evidence: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class Pair:
    """A file that differs. `changed` are the names of the attributes that do."""

    path: bytes
    what: What
    old: Entry | None
    new: Entry | None
    changed: frozenset[str]
    sides: tuple[Side, Side]
    old_origin: Origin | None = None
    new_origin: Origin | None = None

    @property
    def content_differs(self) -> bool:
        """Whether it is a regular file on both sides, with other bytes."""
        return self.what == "changed" and "content" in self.changed and "type" not in self.changed

    @cached_property
    def contents(self) -> tuple[bytes, bytes] | None:
        """Both contents, if they differ, are known and not too large."""
        streams = self.streams()
        if streams is None:
            return None
        with streams[0] as old, streams[1] as new:
            data = old.read(MAX_CONTENT + 1), new.read(MAX_CONTENT + 1)
        return data if max(map(len, data)) <= MAX_CONTENT else None

    def streams(self) -> tuple[BinaryIO, BinaryIO] | None:
        """Both contents as new streams, if they differ and are known."""
        old, new = (side.files for side in self.sides)
        if not self.content_differs or self.old is None or self.new is None or old is None or new is None:
            return None
        return old.open(self.old.inode), new.open(self.new.inode)

    @property
    def regular(self) -> bool:
        """Whether what is there is a regular file, or was one."""
        return any(entry.inode.type is FileType.REGULAR for entry in (self.old, self.new) if entry)


class Rule(Protocol):
    """Knows one cause, or a family of them."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        """The causes that fit; none if the rule knows nothing of such a file. May raise InputError."""
