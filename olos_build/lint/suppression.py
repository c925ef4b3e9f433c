"""`# olos-lint: ignore=NAME[,NAME] reason`: on the lines right above an instruction, or inside of it.

It holds for the whole instruction. `ignore=all` is for all rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from olos_build.dockerfile import Comment, Dockerfile
from olos_build.lint.model import Finding
from olos_build.lint.table import NAMES, UNKNOWN_RULE

ALL = "all"
_COMMENT = re.compile(r"olos-lint:\s*(?:ignore\s*=\s*([\w,-]*)(?:\s.*)?)?", re.DOTALL)


@dataclass(frozen=True)
class Suppressions:
    """Which rules are not asked on which lines, and what is wrong with the comments that say so."""

    by_line: dict[int, frozenset[str]]
    findings: tuple[Finding, ...]

    def hides(self, finding: Finding) -> bool:
        """Whether a finding is not wanted."""
        names = self.by_line.get(finding.line, frozenset())
        return ALL in names or finding.rule.name in names


def read(dockerfile: Dockerfile) -> Suppressions:
    """The suppressions of a Dockerfile."""
    names = {c.line: found for c in dockerfile.comments if (found := _names(c)) is not None}
    by_line: dict[int, frozenset[str]] = {}
    above = {comment.line for comment in dockerfile.comments}
    for instruction in dockerfile.instructions:
        first = instruction.line
        while first - 1 in above:
            first -= 1
        here = frozenset().union(*(names.get(n, ()) for n in range(first, instruction.last_line + 1)))
        if here:
            by_line.update(dict.fromkeys(range(first, instruction.last_line + 1), here))
    return Suppressions(by_line, tuple(_problems(dockerfile.comments)))


def _names(comment: Comment) -> list[str] | None:
    match = _COMMENT.fullmatch(comment.text)
    return [name for name in (match[1] or "").split(",") if name] if match else None


def _problems(comments: Iterable[Comment]) -> Iterator[Finding]:
    known = "names are those in brackets behind each finding: olos-lint: ignore=NAME[,NAME] reason"
    for comment in comments:
        names = _names(comment)
        if names is None:
            continue
        if not names:
            yield Finding(UNKNOWN_RULE, comment.line, "the comment names no rule", known)
        for name in names:
            if name != ALL and name not in NAMES:
                yield Finding(UNKNOWN_RULE, comment.line, f"there is no rule {name[:60]!r}", known)
