"""Which line of the Dockerfile made which step of an image's history.

Every builder writes one step per instruction, in the words of its own: `/bin/sh -c #(nop) COPY file:… in /x`
and `|1 ARG=x /bin/sh -c make` (the Engine's own builder, buildah), `COPY a /x # buildkit` and
`RUN /bin/sh -c make # buildkit` (BuildKit). The last steps are those of the Dockerfile; what is before them
is of the base image. If a step does not fit its instruction nothing is said at all: better than a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from posixpath import normpath

from olos_build.dockerfile import KEYWORDS, Dockerfile, Instruction

_NO_COMMAND = "#(nop)"
_BUILDKIT = re.compile(r"\s*# buildkit\s*\Z")


def lines_of_steps(dockerfile: Dockerfile, stage: str | None, steps: Sequence[str]) -> tuple[int | None, ...]:
    """For each step (`created_by`) of an image that was built from a Dockerfile, the line that made it.

    None for the steps of the base image; None for all if the steps are not those of the Dockerfile.
    `stage` is its name or number; None is the last one.
    """
    nothing = (None,) * len(steps)
    instructions = _chain(dockerfile, stage)
    before = len(steps) - len(instructions)
    if before < 0 or not all(map(_fits, instructions, steps[before:])):
        return nothing
    return (*nothing[:before], *(instruction.line for instruction in instructions))


def _chain(dockerfile: Dockerfile, stage: str | None) -> list[Instruction]:
    """The instructions of a stage, behind those of the stages that it is made from."""
    names: list[str] = []
    chains: list[list[Instruction]] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            base, *name = instruction.arguments  # base, or base AS name
            number = _find(names, base)
            chains.append([] if number is None else list(chains[number]))
            names.append(name[-1].lower() if name else "")
        elif chains:  # ARG may stand before the first FROM
            chains[-1].append(instruction)
    if stage is None:
        return chains[-1]
    number = _find(names, stage)
    if number is None and stage.isdecimal() and int(stage) < len(chains):
        number = int(stage)
    return chains[-1 if number is None else number]


def _find(names: Sequence[str], name: str) -> int | None:
    """The last stage of this name so far."""
    return next((i for i in reversed(range(len(names))) if names[i] == name.lower()), None)


def _fits(instruction: Instruction, step: str) -> bool:
    """Whether a builder may have written this step for this instruction."""
    step = _BUILDKIT.sub("", step)
    if instruction.keyword == "RUN":
        return _runs(instruction, step)
    text = step.partition(_NO_COMMAND)[2] or step
    keyword, _, rest = text.strip().partition(" ")
    if keyword != instruction.keyword:
        return False
    return keyword not in ("COPY", "ADD") or _goes_to(instruction.arguments[-1], rest)


def _goes_to(destination: str, rest: str) -> bool:
    """Variables are shown with their values, and what is relative may be below the working directory."""
    known = destination.startswith("/") and "$" not in destination
    return not known or destination in rest or normpath(destination) in rest


def _runs(instruction: Instruction, step: str) -> bool:
    if instruction.heredocs:
        return _is_run(step, step)
    dense = _dense(step)
    ways = {_dense(instruction.rest), _dense(" ".join(instruction.arguments))}
    return any(dense.endswith(way) and _is_run(step, dense[: len(dense) - len(way)]) for way in ways)


def _is_run(step: str, before: str) -> bool:
    """Whether a step is one of RUN, by what it has before the command: no mark, no other keyword."""
    first = step.split(maxsplit=1)[0] if before else "RUN"
    return _NO_COMMAND not in before and (first == "RUN" or first not in KEYWORDS)


def _dense(text: str) -> str:
    """Without blanks: builders join continuation lines in ways of their own."""
    return "".join(text.split())
