"""Parser directives: `# escape=`, `# syntax=`, `# check=`, before everything else, each at most once.

Syntax: docs.docker.com/reference/dockerfile ("Parser directives").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

NAMES = ("check", "escape", "syntax")
_DIRECTIVE = re.compile(r"\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*?)\s*", re.ASCII)


class DirectiveError(ValueError):
    """A directive that is given twice, or an escape character that is none. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Directives:
    """What the directives of a file say. `syntax` comes with its line. `lines` is how many there are."""

    escape: str = "\\"
    syntax: tuple[int, str] | None = None
    lines: int = 0


def read(lines: Iterable[str]) -> Directives:
    """The directives at the start of a file. Raises DirectiveError."""
    values: dict[str, tuple[int, str]] = {}
    for number, name, value in _found(lines):
        if name in values:
            raise DirectiveError(number, f"the parser directive {name!r} stands here a second time")
        if name == "escape" and value not in ("\\", "`"):
            raise DirectiveError(number, f"the escape character must be \\ or `, not {value[:20]!r}")
        values[name] = number, value
    return Directives(values.get("escape", (0, "\\"))[1], values.get("syntax"), len(values))


def _found(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, 1):
        match = _DIRECTIVE.fullmatch(line.rstrip("\r\n"))
        if not match or match[1].lower() not in NAMES:
            return
        yield number, match[1].lower(), match[2]
