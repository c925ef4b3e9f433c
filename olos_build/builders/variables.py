"""Variables for RUN steps that leave no trace in the image, SOURCE_DATE_EPOCH first of all.

An ARG behind each FROM is what all builders have for this: RUN steps see its value, ENV of the Dockerfile and
of the base image goes first, and the image's configuration does not keep it. Only its history names it. The
value is part of a step's key in the builders' caches, so with another one the step runs again.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from olos_build.dockerfile import Dockerfile, Instruction, decode

EPOCH_ARGUMENT = "SOURCE_DATE_EPOCH"
"""reproducible-builds.org, "SOURCE_DATE_EPOCH specification"."""


def with_arguments(dockerfile: Dockerfile, names: Iterable[str]) -> Dockerfile:
    """The Dockerfile with ARG instructions for the names, in each stage that runs something without them.

    The lines of its instructions stay those of the file that it was read from, for messages; an ARG that is
    added gets the line of its FROM.
    """
    lacking = list(_lacking(dockerfile, list(dict.fromkeys(names))))
    if not lacking:
        return dockerfile
    lines = dockerfile.content.decode("utf-8-sig").split("\n")
    for line, name in reversed(lacking):
        lines.insert(line, f"ARG {name}")
    longer = decode("\n".join(lines).encode(), dockerfile.path)
    added = tuple((line + count, name) for count, (line, name) in enumerate(lacking, 1))
    places = [line for line, _ in added]
    return replace(
        longer,
        instructions=tuple(_moved(instruction, places) for instruction in longer.instructions),
        comments=dockerfile.comments,
        added=added,
    )


def _lacking(dockerfile: Dockerfile, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Behind which line which name: those of a stage that has not declared them before its first RUN."""
    behind, known = 0, set[str]()
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            behind, known = instruction.last_line, set()
        elif instruction.keyword == "ARG":
            known |= {name for name, _ in instruction.pairs}
        elif instruction.keyword == "RUN" and behind:
            yield from ((behind, name) for name in names if name not in known)
            behind = 0


def _moved(instruction: Instruction, added: Sequence[int]) -> Instruction:
    """The instruction at the lines that it has without those that were added."""

    def old(line: int) -> int:
        return line - bisect.bisect_right(added, line)

    return replace(
        instruction,
        line=old(instruction.line),
        last_line=old(instruction.last_line),
        heredocs=tuple(replace(heredoc, line=old(heredoc.line)) for heredoc in instruction.heredocs),
        pieces=tuple(replace(piece, line=old(piece.line)) for piece in instruction.pieces),
        child=_moved(instruction.child, added) if instruction.child else None,
    )
