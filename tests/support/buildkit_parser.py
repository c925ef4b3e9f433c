"""BuildKit's own Dockerfile parser (the package `dockerfile` on PyPI has it compiled in) as a judge.

Both readings as plain values. The judge is of BuildKit 0.9: `DIFFERENCES` are what later versions changed
on purpose, and what the binding does not show.
"""

import re
from typing import NamedTuple

import dockerfile as judge

from olos_build.dockerfile.arguments import KEYWORDS
from olos_build.dockerfile.grammar import GrammarError, parse
from olos_build.dockerfile.model import Instruction

DIFFERENCES = re.compile(
    r"\][^\n]*\S"  # text behind a JSON array made the array valid; now it makes a command
    r"|<(?:[\\`]\r?\n)?<(?:\s|[\\`]\r?\n)"  # blanks between << and the name were not allowed
    r"|--(?s:.)*[^\x00-\x7f]"  # flags were read byte by byte
    r"|\x00"  # the binding passes C strings
    r"|[\x1c-\x1f\x85]",  # blanks for Python, but not for Go
)
"""Texts to leave aside."""


class Reading(NamedTuple):
    """One instruction, as either parser sees it."""

    keyword: str
    child: str | None
    json: bool
    lines: tuple[int, int]
    flags: tuple[str, ...]
    values: tuple[str, ...]
    heredocs: tuple[tuple[str, int, str], ...]


def ours(text: str) -> list[Reading] | None:
    """The reading of olos; None for an error."""
    try:
        return [_reading(instruction) for instruction in parse(text).instructions] or None
    except GrammarError:
        return None


def _reading(instruction: Instruction) -> Reading:
    inner = instruction.child or instruction
    return Reading(
        instruction.keyword,
        inner.keyword if inner is not instruction else None,
        inner.json,
        (instruction.line, instruction.last_line),
        instruction.flags,
        _values(inner),
        # The binding does not show those of ONBUILD.
        () if inner is not instruction else tuple((h.name, h.descriptor, h.content) for h in inner.heredocs),
    )


def _values(instruction: Instruction) -> tuple[str, ...]:
    if instruction.keyword in ("ENV", "LABEL"):
        return tuple(text or "" for pair in instruction.pairs for text in pair)
    return instruction.arguments


def theirs(text: str) -> list[Reading] | None:
    """The reading of BuildKit; None for an error."""
    try:
        commands = judge.parse_string(text)
    except judge.GoParseError:
        return None
    if any(command.cmd is None for command in commands):
        return None  # An instruction without a keyword: refused when it is built.
    return [
        Reading(
            command.cmd.upper(),
            command.sub_cmd.upper() if command.sub_cmd else None,
            command.json,
            (command.start_line, command.end_line),
            command.flags,
            () if not command.json and _is_nothing(command) else command.value,
            command.heredocs and tuple((h.name, h.file_descriptor, h.content) for h in command.heredocs),
        )
        for command in commands
    ]


def _is_nothing(command: judge.Command) -> bool:
    return command.cmd.upper() not in KEYWORDS or command.value == ("",)
