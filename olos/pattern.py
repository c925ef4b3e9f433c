"""Patterns for values of environment variables (docs/formats.md section 4.1).

A subset of POSIX extended regular expressions over printable ASCII that means the same to everybody: to
`regexec` in the C locale, to Python's `re` over bytes with DOTALL, and to runtime/common/pattern.c, which
applies it. No back-references and no anchors: a pattern always stands for the whole value. Its size with all
repetitions written out is bounded, and so are the time and memory of a match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from olos.errors import InputError
from olos.fields import Fields

MAX_LENGTH = 255
MAX_DEPTH = 8
MAX_REPEAT = 255
MAX_PLACES = 256
"""How many characters and classes a pattern may have once its repetitions are written out."""

_CLASS = r"\[\^?(?:[!-,.-Z_-~ ](?:-[!-,.-Z_-~ ])?)*-?\]"
_ATOM = re.compile(rf"{_CLASS}|\\[]\\^$.|()*+?{{}}[]|[^]\\^$|()*+?{{}}[]")
_BOUNDS = re.compile(r"\{([0-9]{1,3})(,([0-9]{1,3})?)?\}")
_RANGE = re.compile(r"(.)-(.)")
_HINT = "a POSIX extended regular expression, as docs/formats.md section 4.1 restricts it"


@dataclass
class _Reader:
    """`places` are counted as if all repetitions were written out; `groups` are their numbers where each open
    group began, and `piece` where the last piece began, if it may be repeated."""

    pattern: str
    where: str
    at: int = 0
    places: int = 0
    piece: int | None = None
    empty: bool = True
    groups: list[int] = field(default_factory=list)

    def read(self) -> None:
        while self.at < len(self.pattern):
            self.at += self._step(self.pattern[self.at])
            if self.places > MAX_PLACES:
                raise self.refuse(f"more than {MAX_PLACES} characters with all repetitions written out")
        if self.groups:
            raise self.refuse("a group has no end")
        self._end_branch()

    def refuse(self, reason: str) -> InputError:
        place = f"{self.where}: {self.pattern[:80]!r}: character {self.at + 1}"
        return InputError(f"{place}: {reason}", hint=_HINT)

    def _step(self, character: str) -> int:
        """Read what begins with a character. Returns its length."""
        if character == "(":
            return self._begin_group()
        if character == ")":
            return self._end_group()
        if character == "|":
            return self._end_branch()
        if character in "*+?{":
            return self._repeat(character)
        self.piece, self.places, self.empty = self.places, self.places + 1, False
        return self._atom()

    def _begin_group(self) -> int:
        if len(self.groups) == MAX_DEPTH:
            raise self.refuse(f"groups are nested more than {MAX_DEPTH} deep")
        self.groups.append(self.places)
        self.piece, self.empty = None, True
        return 1

    def _end_group(self) -> int:
        if not self.groups:
            raise self.refuse("no group begins that could end here")
        self._end_branch()
        self.piece, self.empty = self.groups.pop(), False
        return 1

    def _end_branch(self) -> int:
        if self.empty:
            raise self.refuse("an alternative is empty")
        self.piece, self.empty = None, True
        return 1

    def _repeat(self, character: str) -> int:
        if self.piece is None:
            raise self.refuse("there is nothing that could be repeated")
        copies, length = self._bounds() if character == "{" else (1, 1)
        self.places += (self.places - self.piece) * (copies - 1)
        self.piece = None
        return length

    def _bounds(self) -> tuple[int, int]:
        """How many copies a repetition stands for, and how long its spelling is."""
        match = _BOUNDS.match(self.pattern, self.at)
        if match:
            low = int(match[1])
            high = int(match[3]) if match[3] else max(low, 1) if match[2] else low
            if max(low, 1) <= high <= MAX_REPEAT:
                return high, len(match[0])
        raise self.refuse(f"no repetition {{n}}, {{n,}} or {{n,m}} with n ≤ m and 1 ≤ m ≤ {MAX_REPEAT}")

    def _atom(self) -> int:
        """The length of a plain or escaped character, or of a class."""
        match = _ATOM.match(self.pattern, self.at)
        if not match:
            raise self.refuse("this has no meaning here; a backslash makes a special character a plain one")
        if match[0].startswith("["):
            members = match[0][1:-1].removeprefix("^")
            if not members:
                raise self.refuse("a class is empty")
            if any(low > high for low, high in _RANGE.findall(members.removesuffix("-"))):
                raise self.refuse("a range of a class ends before it begins")
        return len(match[0])


def check_pattern(pattern: str, where: str) -> str:
    """A pattern of the subset. Raises InputError naming `where` and the first character that is not right."""
    if not pattern or len(pattern) > MAX_LENGTH:
        raise InputError(f"{where}: {pattern[:80]!r}: a pattern has 1 to {MAX_LENGTH} characters", hint=_HINT)
    if not (pattern.isascii() and pattern.isprintable()):
        raise InputError(f"{where}: {pattern[:80]!r}: a pattern consists of printable ASCII", hint=_HINT)
    _Reader(pattern, where).read()
    return pattern


def read_patterns(fields: Fields, key: str) -> tuple[tuple[str, str], ...]:
    """Names of variables, each with a pattern. Raises InputError."""
    members = fields.members(key)
    return tuple((name, check_pattern(members.text(name), members.where(name))) for name in members)
