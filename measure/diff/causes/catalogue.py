"""All causes there are (docs/diff.md), and their order."""

from __future__ import annotations

from measure.diff.causes.archives import Ar, Gzip, Zip
from measure.diff.causes.elf import BuildId
from measure.diff.causes.packages import APK_MOVED, BASE_MOVED, DPKG_MOVED
from measure.diff.causes.places import PLACES
from measure.diff.causes.python import MOVED, ONE_SIDE, TIMESTAMP
from measure.diff.causes.sections import CRT_MOVED, DEBUG_TWIN, KERNEL_MOVED
from measure.diff.causes.text import BUILD_PLACES, DATES, UUIDS, LineOrder, ShadowDates
from measure.diff.causes.times import EPOCH_DIFFERS, NOT_CLAMPED

_BROAD = (DEBUG_TWIN, BASE_MOVED, KERNEL_MOVED, CRT_MOVED, DPKG_MOVED, APK_MOVED, MOVED, EPOCH_DIFFERS)
"""Causes that explain many differences at once, the most important first."""

CAUSES = (
    *_BROAD,
    NOT_CLAMPED,
    *(cause for _, cause in PLACES),
    ONE_SIDE,
    TIMESTAMP,
    Gzip.cause,
    Zip.cause,
    Ar.cause,
    BuildId.cause,
    ShadowDates.cause,
    UUIDS.cause,
    DATES.cause,
    BUILD_PLACES.cause,
    LineOrder.cause,
)

_RANKS = {cause.name: number for number, cause in enumerate(_BROAD)}


def rank(name: str, changes: int) -> tuple[int, int, str]:
    """The key by which causes are sorted: the broad ones first, then those of most changes."""
    return _RANKS.get(name, len(_RANKS)), -changes, name
