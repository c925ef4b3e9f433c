"""The grammar of Dockerfiles, as BuildKit's parser has it: from lines to instructions.

Syntax: docs.docker.com/reference/dockerfile ("Format"). Time is linear in the size of the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from olos_build.dockerfile import arguments, directives, heredocs
from olos_build.dockerfile.arguments import ArgumentsError
from olos_build.dockerfile.lines import Lines
from olos_build.dockerfile.model import Comment, Heredoc, Instruction, Piece

MAX_INSTRUCTIONS = 10_000
_MAX_HEREDOCS = 1000
_HEREDOC_KEYWORDS = ("ADD", "COPY", "RUN")


class GrammarError(ValueError):
    """What is wrong, and on which line, counted from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Parsed:
    """What a text says, whether or not it makes a Dockerfile that builds."""

    instructions: tuple[Instruction, ...]
    comments: tuple[Comment, ...]
    directives: directives.Directives


def parse(text: str) -> Parsed:
    """The instructions of a text without byte order mark. Raises GrammarError."""
    return _Parser(text).parse()


@dataclass
class _Joined:
    """The lines of one instruction, joined."""

    parts: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0

    def add(self, text: str, line: int, source: int) -> None:
        self.pieces.append(Piece(self.size, line, source))
        self.parts.append(text)
        self.size += len(text)

    def stripped(self) -> tuple[str, tuple[Piece, ...]]:
        """The text without blanks around it, and where its parts come from."""
        text = "".join(self.parts)
        return text.strip(), _shifted(tuple(self.pieces), len(text) - len(text.lstrip()))


class _Parser:
    def __init__(self, text: str) -> None:
        self._lines = Lines(text)
        self._comments: list[Comment] = []
        self._position = 0

    def parse(self) -> Parsed:
        try:
            self._directives = directives.read(self._lines[i] for i in range(len(self._lines)))
        except directives.DirectiveError as exc:
            raise GrammarError(exc.line, str(exc)) from exc
        self._position = self._directives.lines
        instructions: list[Instruction] = []
        while self._position < len(self._lines):
            if instruction := self._instruction():
                instructions.append(instruction)
            if len(instructions) > MAX_INSTRUCTIONS:
                raise GrammarError(self._position, f"more than {MAX_INSTRUCTIONS} instructions")
        return Parsed(tuple(instructions), tuple(self._comments), self._directives)

    def _instruction(self) -> Instruction | None:
        """The instruction that begins at the present line, if one does."""
        start = self._position + 1
        joined = self._join()
        if joined is None:
            return None
        text, pieces = joined.stripped()
        if not text:
            raise GrammarError(start, "expected an instruction, found a continuation of nothing")
        try:
            instruction = self._parsed(text, start, pieces)
            bodies = self._bodies(instruction)
        except ArgumentsError as exc:
            raise GrammarError(start, f"{text.split()[0].upper()[:80]}: {exc}") from exc
        except heredocs.UnterminatedError as exc:
            raise GrammarError(
                start, f"the here-document {exc.args[0][:80]!r} has no end: expected a line of just that"
            ) from exc
        return replace(instruction, heredocs=bodies, last_line=self._position)

    def _join(self) -> _Joined | None:
        """The present line with those that continue it; None for a blank line or a comment."""
        joined = _Joined()
        while self._position < len(self._lines):
            line = self._lines[self._position].rstrip("\r\n")
            source, number = self._lines.starts[self._position], self._position + 1
            self._position += 1
            bare = line.lstrip()
            if bare.startswith("#"):
                self._comments.append(Comment(number, bare[1:].strip()))
            if not bare or bare.startswith("#"):
                if not joined.pieces:
                    return None
                continue
            if not joined.pieces:
                source, line = source + len(line) - len(bare), bare
            text, continued = self._without_continuation(line)
            joined.add(text, number, source)
            if not continued:
                break
        return joined

    def _without_continuation(self, line: str) -> tuple[str, bool]:
        escape = self._directives.escape
        end = line.rstrip(" \t")
        if end.endswith(escape) and not end.endswith(escape * 2):
            return end[:-1], True
        return line, False

    def _parsed(
        self, text: str, line: int, pieces: tuple[Piece, ...], *, nested: bool = False
    ) -> Instruction:
        keyword, following = arguments.split_keyword(text)
        flags, rest = arguments.split_flags(following)
        found = arguments.parse(keyword.upper(), rest, self._directives.escape)
        instruction = Instruction(
            line=line,
            keyword=keyword.upper(),
            text=text,
            last_line=self._position,
            flags=flags,
            arguments=found.words,
            json=found.json,
            pairs=found.pairs,
            pieces=pieces,
            rest_offset=len(text) - len(rest),
        )
        if instruction.keyword != "ONBUILD" or not rest:
            return instruction
        if nested:
            raise ArgumentsError("ONBUILD cannot trigger ONBUILD")
        shift = instruction.rest_offset
        child = self._parsed(rest, instruction.line_at(shift), _shifted(pieces, shift), nested=True)
        return replace(instruction, child=child)

    def _bodies(self, instruction: Instruction) -> tuple[Heredoc, ...]:
        taker = instruction.child or instruction
        if taker.keyword not in _HEREDOC_KEYWORDS or taker.json:
            return ()
        if instruction.text.count("<<") > _MAX_HEREDOCS:
            raise ArgumentsError(f"more than {_MAX_HEREDOCS} here-documents")
        announced = heredocs.announced(instruction.text)
        found, self._position = heredocs.bodies(announced, self._lines, self._position)
        return found


def _shifted(pieces: tuple[Piece, ...], shift: int) -> tuple[Piece, ...]:
    """The pieces of a text without its first `shift` characters."""
    moved = [Piece(max(p.offset - shift, 0), p.line, p.source + max(shift - p.offset, 0)) for p in pieces]
    first = max((i for i, p in enumerate(pieces) if p.offset <= shift), default=0)
    return tuple(moved[first:])
