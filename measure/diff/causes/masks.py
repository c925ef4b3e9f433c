"""Contents that are equal but for something known: what is hidden on both sides need not agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from measure.diff import first
from measure.diff.causes.archives import Ar, Gzip, Zip
from measure.diff.causes.elf import BuildId
from measure.diff.causes.python import Timestamps
from measure.diff.causes.rule import Finding, Pair
from measure.diff.causes.text import BUILD_PLACES, DATES, UUIDS, ShadowDates
from measure.diff.model import Cause


class Mask(Protocol):
    """Hides one thing. `shows`: whether the first difference says more than the cause."""

    @property
    def cause(self) -> Cause:
        """What is said if the contents are equal without it."""

    @property
    def shows(self) -> bool:
        """See above."""

    def hide(self, path: bytes, data: bytes) -> bytes:
        """The content with a constant in place of it; unchanged where there is none. Linear time."""


MASKS: tuple[Mask, ...] = (
    Timestamps(),
    Gzip(),
    Zip(),
    Ar(),
    BuildId(),
    ShadowDates(),
    UUIDS,
    BUILD_PLACES,
    DATES,
)
"""Those for a format come first: they keep every offset."""


class Masks:
    """Finds the masks without which the contents would differ."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        contents = pair.contents
        if contents is None:
            return ()
        useful, equal = _applied(pair.path, contents, MASKS)
        if not equal:
            return ()
        needed = [m for m in useful if not _equal(pair.path, contents, [n for n in useful if n is not m])]
        # Where two of them hide the same, neither is needed; the first one names it.
        chosen = needed or [next(m for m in useful if _equal(pair.path, contents, [m]) or m is useful[-1])]
        evidence = first.difference(pair) if any(mask.shows for mask in chosen) else ()
        return tuple(Finding(mask.cause, evidence if mask.shows else ()) for mask in chosen)


def _equal(path: bytes, contents: tuple[bytes, bytes], masks: Sequence[Mask]) -> bool:
    return _applied(path, contents, masks)[1]


def _applied(path: bytes, contents: tuple[bytes, bytes], masks: Sequence[Mask]) -> tuple[list[Mask], bool]:
    """The masks that hide something, and whether the contents are equal without it."""
    useful = []
    for mask in masks:
        hidden = mask.hide(path, contents[0]), mask.hide(path, contents[1])
        if hidden != contents:
            useful.append(mask)
            contents = hidden
    return useful, contents[0] == contents[1]
