"""Compiled Python: `.pyc` files (PEP 552, PEP 3147) and installed distributions (PEP 376)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from measure.diff.causes.rule import Finding, Pair
from measure.diff.model import Attribute, Cause

ONE_SIDE = Cause(
    "pycache-on-one-side",
    "Python wrote compiled files in one of the builds only.",
    "Write 'ENV PYTHONDONTWRITEBYTECODE=1' above the steps that run Python, and 'pip install --no-compile'.",
)
TIMESTAMP = Cause(
    "pyc-timestamp",
    "Compiled Python holds the modification time of its source.",
    "Write 'ENV SOURCE_DATE_EPOCH=0' above the steps that run pip or Python: .pyc files then hold hashes.",
)
MOVED = Cause(
    "python-package-moved",
    "Packages from a Python index have other versions.",
    "Install by 'pip install --require-hashes -r requirements.txt' with every version pinned.",
)

_COMPILED = re.compile(rb"(.*/)?__pycache__(/.*)?|.*\.pyc", re.DOTALL)
_DISTRIBUTION = re.compile(rb".*/([^/]+)-([0-9][^/-]*)\.dist-info(/.*)?", re.DOTALL)
_TIME = slice(8, 12)  # magic number, flags, mtime, size; four bytes each


class OneSide:
    """Compiled files that the other side does not have."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        if pair.what != "changed" and _COMPILED.fullmatch(pair.path):
            return (Finding(ONE_SIDE),)
        return ()


class Distributions:
    """`NAME-VERSION.dist-info` directories that came or went."""

    def judge(self, pair: Pair) -> Sequence[Finding]:
        match = _DISTRIBUTION.fullmatch(pair.path)
        if pair.what == "changed" or match is None:
            return ()
        name, version = (part.decode("utf-8", "backslashreplace") for part in match.groups()[:2])
        old, new = (version, None) if pair.what == "removed" else (None, version)
        return (Finding(MOVED, (Attribute(f"package {name}", old, new),)),)


class Timestamps:
    """The mtime in the header of a `.pyc` whose flags say that there is one."""

    cause = TIMESTAMP
    shows = False

    def hide(self, path: bytes, data: bytes) -> bytes:
        if not path.endswith(b".pyc") or len(data) < 16 or data[4:8] != bytes(4):
            return data
        return data[: _TIME.start] + bytes(4) + data[_TIME.stop :]
