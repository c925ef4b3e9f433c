"""Which pages of an enclave have been added, in memory that does not grow with their number."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum

_MAX_RUNS = 4096


class Problem(Enum):
    """Why pages cannot be added."""

    AGAIN = "is added a second time"
    LATE = "comes too late: the pages before it are in too many pieces"


class PageRuns:
    """Added pages as runs of addresses, in ascending order.

    Of more than 4096 runs the two lowest become one; what was between them can come no more. So a
    sequence in ascending order is never refused, and any other with fewer gaps is not either.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._closed = 0  # the run that ends here may have gaps

    def problem(self, start: int, end: int) -> Problem | None:
        """What speaks against adding the pages from `start` up to `end`."""
        after = bisect_right(self._starts, start)
        if after and start < self._ends[after - 1]:
            return Problem.LATE if start < self._closed else Problem.AGAIN
        return Problem.AGAIN if after < len(self._starts) and self._starts[after] < end else None

    def add(self, start: int, end: int) -> None:
        """Add pages that have no problem."""
        after = bisect_right(self._starts, start)
        self._starts.insert(after, start)
        self._ends.insert(after, end)
        self._join_if_adjacent(after)
        if after:
            self._join_if_adjacent(after - 1)
        if len(self._starts) > _MAX_RUNS:
            self._join(0)
            self._closed = self._ends[0]

    def _join_if_adjacent(self, index: int) -> None:
        if index + 1 < len(self._starts) and self._ends[index] == self._starts[index + 1]:
            self._join(index)

    def _join(self, index: int) -> None:
        """Make one run of two."""
        del self._ends[index], self._starts[index + 1]
