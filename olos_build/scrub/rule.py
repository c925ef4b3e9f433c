"""What a rule of scrubbing is, and the two ways to name files that most of them need."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from olos.tree import FileType, Inode

Judge: TypeAlias = Callable[[bytes, Inode], Inode | None]
"""What becomes of an entry with this path: another inode, the same one, or None if it goes.

A directory that goes takes all with it that is in it: a rule says so of each entry below.
"""


@dataclass(frozen=True)
class Rule:
    """A rule by its name in `olos.toml`."""

    name: str
    judge: Judge


def files(*patterns: bytes) -> Judge:
    """Files of all kinds go; directories stay.

    In a pattern `*` is a part of a name, and `**`, at the end, everything at any depth.
    """
    matches = _compiled(patterns)

    def judge(path: bytes, inode: Inode) -> Inode | None:
        return inode if inode.type is FileType.DIRECTORY or not matches(path) else None

    return judge


def contents(*directories: bytes) -> Judge:
    """All that is in these directories goes, directories too. They themselves stay."""
    matches = _compiled(tuple(directory + b"/**" for directory in directories))

    def judge(path: bytes, inode: Inode) -> Inode | None:
        return None if matches(path) else inode

    return judge


def both(first: Judge, second: Judge) -> Judge:
    """One rule behind the other."""

    def judge(path: bytes, inode: Inode) -> Inode | None:
        left = first(path, inode)
        return None if left is None else second(path, left)

    return judge


def _compiled(patterns: tuple[bytes, ...]) -> Callable[[bytes], re.Match[bytes] | None]:
    return re.compile(b"|".join(map(_expression, patterns)), re.DOTALL).fullmatch


def _expression(pattern: bytes) -> bytes:
    whole, below = pattern.removesuffix(b"**"), pattern.endswith(b"**")
    return b"[^/]*".join(map(re.escape, whole.split(b"*"))) + (b".+" if below else b"")
