"""`.dockerignore`: which paths of a context are left out.

The rules are those of moby/patternmatcher, which BuildKit and Docker use: a line is a pattern, the
last one that matches a path or one of its parents decides, `!` takes a path in again.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from olos.errors import InputError

OWN_OUTPUTS = ("olos-layout", "**/*.olos")
"""Patterns in force before the file's own: what olos itself writes beside a Dockerfile."""


@dataclass(frozen=True)
class _Pattern:
    regex: re.Pattern[str]
    takes_in: bool

    def matches(self, path: str) -> bool:
        return self.regex.fullmatch(path) is not None


@dataclass(frozen=True)
class Verdict:
    """Whether a path is left out, and which patterns said so of it or of its parents."""

    matched: tuple[bool, ...]
    excluded: bool = False


class IgnoreFile:
    """The patterns of a file, behind those for olos's own outputs."""

    def __init__(self, text: str, where: str) -> None:
        """Raises InputError naming `where` for a pattern that is none."""
        own = [_Pattern(re.compile(_translate(pattern), re.DOTALL), False) for pattern in OWN_OUTPUTS]
        self._patterns = (*own, *_parse(text, where))
        self.takes_in = any(pattern.takes_in for pattern in self._patterns)
        self.root = Verdict((False,) * len(self._patterns))

    def verdict(self, path: str, parent: Verdict) -> Verdict:
        """What holds for `path`, relative to the context, given what holds for the directory it is in.

        A pattern that cannot change anything is not looked at, and then does not hold for what is below
        either. So does BuildKit, whatever it thinks of that.
        """
        matched, excluded = [], False
        for pattern, above in zip(self._patterns, parent.matched, strict=True):
            hit = above or (pattern.takes_in == excluded and pattern.matches(path))
            excluded = not pattern.takes_in if hit else excluded
            matched.append(hit)
        return Verdict(tuple(matched), excluded)


def _parse(text: str, where: str) -> Iterator[_Pattern]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        takes_in = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip()
        if not pattern:
            raise InputError(f"{where}: line {number}: '!' without a pattern")
        pattern = posixpath.normpath(pattern).lstrip("/") or "."
        try:
            yield _Pattern(re.compile(_translate(pattern), re.DOTALL), takes_in)
        except re.error as exc:
            raise InputError(f"{where}: line {number}: {pattern!r} is no pattern: {exc}") from exc


_CHARACTER = r"(?:\\.|[^\\\-\]])"
_CLASS = rf"\[\^?(?:{_CHARACTER}(?:-{_CHARACTER})?)+\]"
_TOKEN = re.compile(rf"(?:\*\*/?)+|\*|\?|{_CLASS}|\\.|.", re.DOTALL)
_SUFFIX = re.compile(r"\*\*[^*?\[\]\\]*")


def _translate(pattern: str) -> str:
    """Raises re.error."""
    if _SUFFIX.fullmatch(pattern):  # `**.txt` is whatever ends so, and `**/x` is x as well.
        suffix = pattern[2:]
        return f"(?:.*{re.escape(suffix)}|{re.escape(suffix.removeprefix('/'))})"
    return "".join(_token(match, pattern) for match in _TOKEN.finditer(pattern))


def _token(match: re.Match[str], pattern: str) -> str:
    text = match[0]
    if text.startswith("**"):
        return ".*" if match.end() == len(pattern) else "(?:.*/)?"
    if text == "*":
        return "[^/]*"
    if text == "?":
        return "[^/]"
    if text in ("[", "\\"):
        raise re.error("the class is none" if text == "[" else "nothing follows the last backslash")
    if text.startswith("["):
        # Characters that mean something in a class of Python's, but not of Go's.
        return re.sub(r"(\\.)|(?<!^)[\[&|~]", lambda part: part[1] or "\\" + part[0], text)
    return re.escape(text[-1])
