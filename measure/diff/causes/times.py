"""Modification times that differ."""

from __future__ import annotations

from collections.abc import Sequence

from measure.diff.causes.rule import Finding, Pair
from measure.diff.model import Cause

EPOCH_DIFFERS = Cause(
    "source-date-epoch-differs",
    "The builds clamp modification times to different moments.",
    "Build both with the same --source-date-epoch; its default, 0, makes every time 0.",
)
NOT_CLAMPED = Cause(
    "mtime-not-clamped",
    "Modification times are those of the build: they lie before SOURCE_DATE_EPOCH, and so were kept.",
    "Build with an earlier --source-date-epoch; its default, 0, makes every time 0.",
)


class Times:
    """The mtime of a file that is on both sides."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        if pair.what != "changed" or "mtime" not in pair.changed or pair.old is None or pair.new is None:
            return ()
        epochs = [
            None if side.annotations is None else side.annotations.source_date_epoch for side in pair.sides
        ]
        times = [pair.old.inode.mtime, pair.new.inode.mtime]
        # Where both times are at the edge they were clamped to, nothing but the edge differs.
        return (Finding(EPOCH_DIFFERS if epochs[0] != epochs[1] and times == epochs else NOT_CLAMPED),)
