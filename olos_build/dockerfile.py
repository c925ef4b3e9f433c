"""What olos itself reads in a Dockerfile: where each instruction stands, so that errors can say so.

The builders interpret it. Syntax: docs.docker.com/reference/dockerfile ("Format", "Parser directives",
"Here-Documents").
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from olos.errors import BuildStepError, InputError

MAX_SIZE = 1 << 20
KEYWORDS = frozenset(
    """ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL
    USER VOLUME WORKDIR""".split()  # noqa: SIM905
)
_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*\w+\s*=.*")
_HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z0-9_.]+)\2")
_HEREDOC_KEYWORDS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True)
class Instruction:
    """One instruction. `line` counts from 1; `text` is all of it, continuation lines joined."""

    line: int
    keyword: str
    text: str


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file, and its bytes, which are what the builders get."""

    path: Path
    content: bytes
    instructions: tuple[Instruction, ...]

    def declares(self, argument: str) -> bool:
        """Whether an ARG instruction names this build argument."""
        names = (
            word.partition("=")[0]
            for instruction in self.instructions
            if instruction.keyword == "ARG"
            for word in instruction.text.split()[1:]
        )
        return argument in names

    def find(self, text: str, number: int = 0) -> Instruction | None:
        """The instruction that a builder shows as `text`; `number` tells apart those of equal text."""
        wanted = _squeezed(text)
        found = [i for i in self.instructions if _squeezed(i.text) == wanted]
        return found[min(number, len(found) - 1)] if found else None


def load(path: Path) -> Dockerfile:
    """Read a Dockerfile. Raises InputError if it cannot be read, BuildStepError if it is none."""
    content = read_text_file(path, "name another one with 'olos build DOCKERFILE'")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InputError(f"{path}: not UTF-8 at byte {exc.start}, so it is no Dockerfile") from exc
    instructions = _scan(text.splitlines())
    for instruction in instructions:
        if instruction.keyword not in KEYWORDS:
            raise BuildStepError(
                f"{path}: line {instruction.line}: unknown instruction {instruction.keyword[:80]}:"
                f" {instruction.text[:200]}"
            )
    if all(instruction.keyword != "FROM" for instruction in instructions):
        raise BuildStepError(f"{path}: the Dockerfile has no FROM instruction", hint="begin with FROM")
    return Dockerfile(path, content, instructions)


def read_text_file(path: Path, hint: str) -> bytes:
    """The bytes of a small regular file. Raises InputError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is not a regular file", hint=hint)
        # Not blocking: the name may have become a pipe meanwhile.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            content = stream.read(MAX_SIZE + 1)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}", hint=hint) from exc
    if len(content) > MAX_SIZE:
        raise InputError(f"{path}: larger than {MAX_SIZE} bytes", hint=hint)
    return content


def _scan(lines: list[str]) -> tuple[Instruction, ...]:
    escape = _escape_character(lines)
    result: list[Instruction] = []
    position = 0
    while position < len(lines):
        start, text = position, ""
        while position < len(lines):
            line = lines[position].strip()
            position += 1
            if not line or line.startswith("#"):
                if text:
                    continue
                break
            continued = line.endswith(escape)
            text += line.removesuffix(escape) if continued else line
            if not continued:
                break
        if text:
            keyword = text.split(maxsplit=1)[0].upper()
            if keyword in _HEREDOC_KEYWORDS:
                position = _skip_heredocs(lines, position, text)
            result.append(Instruction(start + 1, keyword, text))
    return tuple(result)


def _escape_character(lines: list[str]) -> str:
    """Parser directives stand before everything else, comments too."""
    for line in lines:
        if match := _ESCAPE.fullmatch(line.strip()):
            return match[1]
        if not _DIRECTIVE.fullmatch(line.strip()):
            break
    return "\\"


def _skip_heredocs(lines: list[str], position: int, text: str) -> int:
    """Where the lines end that belong to the here-documents of an instruction."""
    after = position
    for dash, _, word in _HEREDOC.findall(text):
        while after < len(lines) and (lines[after].lstrip("\t") if dash else lines[after]) != word:
            after += 1
        if after == len(lines):
            return position  # Without its end it is none, for instance a shift in shell arithmetic.
        after += 1
    return after


def _squeezed(text: str) -> str:
    return " ".join(text.split())
