"""The lines of a text, and finding the line that ends a here-document without reading on and on."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate


def split_lines(text: str) -> list[str]:
    """Lines with their ends. Only a line feed ends one, whatever Unicode says."""
    *lines, last = text.split("\n")
    return [line + "\n" for line in lines] + ([last] if last else [])


class Lines:
    """Lines with their ends, counted from 0, that know where they begin and can be found by their text."""

    def __init__(self, text: str) -> None:
        self._lines = split_lines(text)
        self.starts = list(accumulate(map(len, self._lines), initial=0))

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: int) -> str:
        return self._lines[index]

    def at(self, offset: int) -> int:
        """The line that a character stands on."""
        return bisect.bisect_right(self.starts, offset) - 1

    def text(self, first: int, last: int) -> str:
        """All lines from `first` on, up to but without `last`."""
        return "".join(self._lines[first:last])

    def find(self, content: str, first: int, *, without_tabs: bool) -> int | None:
        """The first line from `first` on that is just `content`, leading tabs left aside or not."""
        found = (self._untabbed if without_tabs else self._exact).get(content, ())
        position = bisect.bisect_left(found, first)
        return found[position] if position < len(found) else None

    @cached_property
    def _exact(self) -> dict[str, list[int]]:
        return _positions(line.rstrip("\r\n") for line in self._lines)

    @cached_property
    def _untabbed(self) -> dict[str, list[int]]:
        return _positions(line.rstrip("\r\n").lstrip("\t") for line in self._lines)


def _positions(lines: Iterable[str]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        positions[line].append(number)
    return dict(positions)
