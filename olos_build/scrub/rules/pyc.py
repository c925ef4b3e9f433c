"""`pyc`: Python's compiled modules that hold the time of their source (PEP 552), below `__pycache__`.

Python makes them again when they are not there, so nothing but a little time at the start is lost. Those
that name their source by its hash stay: they are as reproducible as the source. A `.pyc` elsewhere, in
place of its source, stays too: it is the program.
"""

from __future__ import annotations

import re
from struct import Struct

from olos.tree import FileType, Inode
from olos_build.scrub.rule import Rule
from olos_build.tree_files import head

_COMPILED = re.compile(rb"(?:.*/)?__pycache__/[^/]+\.pyc", re.DOTALL)
_HEADER = Struct("<2s2sI")  # magic number, line end, flags: PEP 552
_LINE_END = b"\r\n"
_HASH_BASED = (0b01, 0b11)


def _judge(path: bytes, inode: Inode) -> Inode | None:
    if inode.type is not FileType.REGULAR or not _COMPILED.fullmatch(path):
        return inode
    return None if _holds_a_time(head(inode, _HEADER.size)) else inode


def _holds_a_time(header: bytes) -> bool:
    """Before Python 3.7 there were no flags: the time stood in their place."""
    if len(header) < _HEADER.size:
        return False
    _, line_end, flags = _HEADER.unpack(header)
    return line_end == _LINE_END and flags not in _HASH_BASED


PYC = Rule("pyc", _judge)
