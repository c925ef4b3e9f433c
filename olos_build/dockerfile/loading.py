"""Reading a Dockerfile, and refusing what no builder would take."""

from __future__ import annotations

from pathlib import Path

from olos.errors import BuildStepError, InputError
from olos_build.dockerfile.arguments import KEYWORDS
from olos_build.dockerfile.files import read_text_file
from olos_build.dockerfile.grammar import GrammarError, Parsed, parse
from olos_build.dockerfile.model import Dockerfile, Instruction

_NOT_EMPTY = "ENV EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD STOPSIGNAL USER VOLUME WORKDIR"
_AT_LEAST = {"ADD": 2, "COPY": 2} | dict.fromkeys(_NOT_EMPTY.split(), 1)
_STAGE_WORDS = 3


def load(path: Path) -> Dockerfile:
    """Read a Dockerfile. Raises InputError if it cannot be read, BuildStepError if it is none."""
    return decode(read_text_file(path, "name another one with 'olos build DOCKERFILE'"), path)


def decode(content: bytes, path: Path) -> Dockerfile:
    """The Dockerfile of some bytes; errors name `path`. Raises like `load`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InputError(f"{path}: not UTF-8 at byte {exc.start}, so it is no Dockerfile") from exc
    try:
        parsed = parse(text)
        _check(parsed)
    except GrammarError as exc:
        raise BuildStepError(f"{path}: line {exc.line}: {exc}") from exc
    if all(instruction.keyword != "FROM" for instruction in parsed.instructions):
        raise BuildStepError(f"{path}: the Dockerfile has no FROM instruction", hint="begin with FROM")
    directives = parsed.directives
    return Dockerfile(
        path, content, parsed.instructions, parsed.comments, directives.escape, directives.syntax
    )


def _check(parsed: Parsed) -> None:
    in_stage = False
    for instruction in parsed.instructions:
        _check_one(instruction)
        in_stage = in_stage or instruction.keyword == "FROM"
        if not in_stage and instruction.keyword != "ARG":
            raise GrammarError(
                instruction.line, f"{instruction.keyword} stands before the first FROM; only ARG may"
            )
        if child := instruction.child:
            _check_one(child)
            if child.keyword in ("FROM", "MAINTAINER"):
                raise GrammarError(instruction.line, f"ONBUILD cannot trigger {child.keyword}")


def _check_one(instruction: Instruction) -> None:
    keyword, given = instruction.keyword, instruction.arguments
    if keyword not in KEYWORDS:
        raise GrammarError(instruction.line, f"unknown instruction {keyword[:80]}: {instruction.text[:200]}")
    needed = _AT_LEAST.get(keyword, 0)
    if len(given) < needed:
        raise GrammarError(instruction.line, f"{keyword}: expected at least {needed} argument(s)")
    if any(not name for name, _ in instruction.pairs):
        raise GrammarError(instruction.line, f"{keyword}: a name is empty")
    if keyword == "FROM" and not _names_a_base(given):
        raise GrammarError(instruction.line, "FROM: expected IMAGE, or IMAGE AS NAME")


def _names_a_base(words: tuple[str, ...]) -> bool:
    return len(words) == 1 or (len(words) == _STAGE_WORDS and words[1].lower() == "as")
