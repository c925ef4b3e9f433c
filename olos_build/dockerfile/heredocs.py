"""Here-documents: `<<NAME`, `<<-NAME`, `<<"NAME"`, several on a line, a number of a descriptor before them.

Syntax: docs.docker.com/reference/dockerfile ("Here-Documents"); rules: BuildKit's Dockerfile parser.
"""

from __future__ import annotations

import re
from dataclasses import replace

from olos_build.dockerfile.lines import Lines
from olos_build.dockerfile.model import Heredoc
from olos_build.dockerfile.words import Style, WordError, split

_HEREDOC = re.compile(r"(\d*)<<(-?)(\s*)([^<]*)")
_AS_WRITTEN = Style(keep_quotes=True, keep_escapes=True, keep_unset=True)
_PLAIN = Style(keep_unset=True)
_QUOTED = Style(keep_quotes=True, keep_unset=True)
_MAX_DESCRIPTOR = 1 << 16


class UnterminatedError(ValueError):
    """A here-document without its end. `args[0]` is the name."""


def announced(text: str) -> list[tuple[Heredoc, bool]]:
    """The here-documents that an instruction announces, still empty, and whether blanks follow the `<<`."""
    if "<<" not in text:
        return []
    try:
        words = split(text, {}, _AS_WRITTEN)
    except WordError:
        return []  # Quotes that only a shell understands: BuildKit sees none then either.
    return [found for word in words if (found := _parse(word))]


def _parse(word: str) -> tuple[Heredoc, bool] | None:
    match = _HEREDOC.fullmatch(word)
    if not match or not match[4]:
        return None
    names = split(match[4], {}, _PLAIN)
    if len(names) != 1:
        return None
    name, quoted = names[0], split(match[4], {}, _QUOTED)
    if len(quoted) != 1:
        return None
    expand = _quotes(name) == _quotes(quoted[0])
    descriptor = min(int(match[1][:9] or "0"), _MAX_DESCRIPTOR)
    return Heredoc(name, "", 0, expand, bool(match[2]), descriptor), bool(match[3])


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')


def bodies(found: list[tuple[Heredoc, bool]], lines: Lines, position: int) -> tuple[tuple[Heredoc, ...], int]:
    """The here-documents with their contents, and the index of the first line behind them.

    Raises UnterminatedError. One with a blank behind `<<` and without an end is passed over: older parsers
    take it for a shift in shell arithmetic.
    """
    result: list[Heredoc] = []
    for heredoc, spaced in found:
        end = lines.find(heredoc.name, position, without_tabs=heredoc.strip_tabs)
        if end is not None:
            result.append(replace(heredoc, content=lines.text(position, end), line=position + 1))
            position = end + 1
        elif not spaced:
            raise UnterminatedError(heredoc.name)
    return tuple(result), position
