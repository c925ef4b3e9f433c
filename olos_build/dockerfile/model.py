"""What a Dockerfile says: instructions, their flags, arguments and here-documents, and where each stands."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from pathlib import Path

_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)


@dataclass(frozen=True)
class Heredoc:
    """A here-document. `content` is as written; `line` is the first of it, counted from 1.

    `expand`: variables in it are replaced (no part of its name is quoted). `strip_tabs`: `<<-`.
    """

    name: str
    content: str
    line: int
    expand: bool = True
    strip_tabs: bool = False
    descriptor: int = 0

    @property
    def text(self) -> str:
        """The content as the instruction sees it: without leading tabs after `<<-`."""
        return _LEADING_TABS.sub("", self.content) if self.strip_tabs else self.content


@dataclass(frozen=True)
class Piece:
    """Where a part of an instruction's text comes from.

    `offset` is in the text of the instruction, `source` in the decoded file, both in characters.
    """

    offset: int
    line: int
    source: int


@dataclass(frozen=True)
class Instruction:
    """One instruction. Lines count from 1; `text` is all of it, continuation lines joined.

    `arguments` is a list in JSON form (`json`) and where the instruction takes words; one string where it
    takes the rest of the line (RUN, CMD, USER, …). Words keep their quotes and variables. `pairs` are the
    names and values of ENV, LABEL and ARG (None: ARG without a default). `child` is what ONBUILD triggers.
    """

    line: int
    keyword: str
    text: str
    last_line: int
    flags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    json: bool = False
    pairs: tuple[tuple[str, str | None], ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    child: Instruction | None = None
    pieces: tuple[Piece, ...] = ()
    rest_offset: int = 0

    @property
    def rest(self) -> str:
        """What stands behind keyword and flags, as written. It begins at `rest_offset` of the text."""
        return self.text[self.rest_offset :]

    def flag(self, name: str) -> str | None:
        """The value of the first flag `--name=value`; "" for `--name`; None if there is none."""
        return next(iter(self.flag_values(name)), None)

    def flag_values(self, name: str) -> tuple[str, ...]:
        """The values of all flags of a name; "" where it has none."""
        parts = (flag.removeprefix("--").partition("=") for flag in self.flags)
        return tuple(value for key, _, value in parts if key.lower() == name)

    def line_at(self, offset: int) -> int:
        """The line of the file that a character of the text stands on."""
        return self._piece(offset).line

    def source_at(self, offset: int) -> int:
        """Where in the decoded file (without a byte order mark) a character of the text stands."""
        piece = self._piece(offset)
        return piece.source + offset - piece.offset

    def _piece(self, offset: int) -> Piece:
        index = bisect.bisect_right(self.pieces, offset, key=lambda piece: piece.offset)
        return self.pieces[max(index - 1, 0)]


@dataclass(frozen=True)
class Comment:
    """A comment, without its `#` and the blanks around it."""

    line: int
    text: str


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file, and its bytes, which are what the builders get.

    `escape` and `syntax` are the parser directives; `syntax` comes with its line. `added` are the ARGs that
    the file itself does not have: line of `content` and name. All other lines are counted without those.
    """

    path: Path
    content: bytes
    instructions: tuple[Instruction, ...]
    comments: tuple[Comment, ...] = ()
    escape: str = "\\"
    syntax: tuple[int, str] | None = None
    added: tuple[tuple[int, str], ...] = ()

    def declares(self, argument: str) -> bool:
        """Whether an ARG instruction names this build argument."""
        return any(
            name == argument
            for instruction in self.instructions
            if instruction.keyword == "ARG"
            for name, _ in instruction.pairs
        )

    def at_line(self, number: int) -> Instruction | None:
        """The instruction that stands on this line of `content`, as a builder counts."""
        line = number - sum(added <= number for added, _ in self.added)
        return next((i for i in self.instructions if i.line <= line <= i.last_line), None)

    def find(self, text: str, number: int = 0) -> Instruction | None:
        """The instruction that a builder shows as `text`; `number` tells apart those of equal text."""
        wanted = _squeezed(text)
        found = [i for i in self.instructions if _squeezed(i.text) == wanted]
        return found[min(number, len(found) - 1)] if found else None


def _squeezed(text: str) -> str:
    return " ".join(text.split())
