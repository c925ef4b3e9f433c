"""Words, quotes and variables outside of RUN commands, as BuildKit's `shell.Lex` reads them.

Syntax: docs.docker.com/reference/dockerfile ("Environment replacement"): `$name`, `${name}` and the
modifiers `:-` `:+` `:?` (also without colon), `#` `##` `%` `%%`, `/` `//`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_EXPANDED = 1 << 20
"""Most characters that an expansion may give: variables can double each other from line to line."""

_MAX_DEPTH = 50
_MAX_PATTERN_WORK = 1 << 16
_SPECIAL_NAMES = "@*#?-$!0"
_SPACES = re.compile(r"\s*")
_NAME = re.compile(r"\d+|\w+")
_PLAIN = re.compile(r"[^\\`$'\"<}/\s]+")


class WordError(ValueError):
    """Quotes or a substitution that do not fit together."""


@dataclass(frozen=True)
class Style:
    """What a reading keeps as it is written: quotes, escapes, variables that are not set.

    `refuse_unset`: a variable without a value and without a default is a WordError.
    """

    escape: str = "\\"
    keep_quotes: bool = False
    keep_escapes: bool = False
    keep_unset: bool = False
    refuse_unset: bool = False


DEFAULT = Style()


def expand(text: str, variables: Mapping[str, str], style: Style = DEFAULT) -> str:
    """The text with variables replaced and quotes removed, as one word. Raises WordError."""
    return _Reader(text, variables, style).read()


def split(text: str, variables: Mapping[str, str], style: Style = DEFAULT) -> list[str]:
    """The words of a text, split at blanks outside of quotes after replacing variables. Raises WordError."""
    words = _Words()
    _Reader(text, variables, style).read(words)
    return words.end()


@dataclass
class _Words:
    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)

    def add(self, text: str, *, raw: bool) -> None:
        """More of the present word. Blanks end it unless `raw`."""
        if raw:
            self.current.append(text)
            return
        for part in re.findall(r"\s+|\S+", text):
            if part.isspace():
                self.end()
            else:
                self.current.append(part)

    def end(self) -> list[str]:
        word = "".join(self.current)
        self.current.clear()
        if word:
            self.done.append(word)
        return self.done


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str], style: Style) -> None:
        self._text, self._variables, self._style = text, variables, style
        self._position = self._depth = self._size = 0

    def read(self, words: _Words | None = None) -> str:
        return self._until("", words, keep_escapes=self._style.keep_escapes)

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _next(self) -> str:
        char = self._peek()
        self._position += 1
        return char

    def _until(self, stop: str, words: _Words | None = None, *, keep_escapes: bool = False) -> str:
        """Everything up to the character `stop`, which is passed over ("": the end of the text)."""
        parts: list[str] = []
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise WordError("substitutions are nested too deeply")
        while char := self._peek():
            if char == stop:
                self._position += 1
                self._depth -= 1
                return "".join(parts)
            part, raw = self._part(char, keep_escapes=keep_escapes)
            self._size += len(part)
            if self._size > MAX_EXPANDED:
                raise WordError(f"expands to more than {MAX_EXPANDED} characters")
            parts.append(part)
            if words:
                words.add(part, raw=raw)
        if stop:
            raise WordError(f"ends where {stop!r} was expected")
        self._depth -= 1
        return "".join(parts)

    def _part(self, char: str, *, keep_escapes: bool) -> tuple[str, bool]:
        """The next part, and whether blanks in it are part of a word."""
        if char == "$":
            return self._dollar(), False
        if char == "'":
            return self._single(), True
        if char == '"':
            return self._double(keep_escapes=keep_escapes), True
        if char == "<":
            return self._angle(), True
        if char == self._style.escape:
            self._position += 1
            escaped = self._next()
            return (char if keep_escapes else "") + escaped, True
        match = _PLAIN.match(self._text, self._position)
        part = match[0] if match else char
        self._position += len(part)
        return part, False

    def _angle(self) -> str:
        """`<`, or `<<` with the blanks behind it: they belong to the word of a here-document."""
        if not self._text.startswith("<<", self._position):
            return self._next()
        match = _SPACES.match(self._text, self._position + 2)
        end = match.end() if match else self._position + 2
        part, self._position = self._text[self._position : end], end
        return part

    def _single(self) -> str:
        end = self._text.find("'", self._position + 1)
        if end < 0:
            raise WordError("a single quote is not closed")
        start, self._position = self._position, end + 1
        return self._text[start : end + 1] if self._style.keep_quotes else self._text[start + 1 : end]

    def _double(self, *, keep_escapes: bool) -> str:
        quote = self._next() if self._style.keep_quotes else self._next() and ""
        parts = [quote]
        while (char := self._peek()) != '"':
            if not char:
                raise WordError("a double quote is not closed")
            if char == "$":
                parts.append(self._dollar())
                continue
            self._position += 1
            if char == self._style.escape:
                if keep_escapes:
                    parts.append(char)
                if not self._peek():
                    continue
                if self._peek() in ('"', "$", self._style.escape):
                    char = self._next()
                elif keep_escapes:
                    continue
            parts.append(char)
        self._position += 1
        return "".join([*parts, quote])

    def _dollar(self) -> str:
        self._position += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            return self._value(name, f"${name}")
        self._position += 1
        if self._peek() in ("", "{", "}", ":"):
            raise WordError("bad substitution: expected a name after '${'")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._value(name, f"${{{name}}}")
        if operator == "/":
            return self._replace(name)
        return self._modify(name, operator)

    def _value(self, name: str, written: str) -> str:
        value = self._variables.get(name)
        if value is None and self._style.refuse_unset:
            raise WordError(f"{name}: is not set")
        return (written if self._style.keep_unset else "") if value is None else value

    def _name(self) -> str:
        char = self._peek()
        match = _NAME.match(self._text, self._position)
        name = match[0] if match else char if char and char in _SPECIAL_NAMES else ""
        self._position += len(name)
        return name

    def _modify(self, name: str, operator: str) -> str:
        empty_is_unset = operator == ":"
        kind = self._next() if empty_is_unset else operator
        shown = ":" * empty_is_unset + kind
        if not kind or kind not in "+-?#%":
            raise WordError(f"unknown modifier {shown!r} in a substitution")
        word = self._until("}", keep_escapes=kind in "#%")
        value = self._variables.get(name)
        if value is None and self._style.keep_unset:
            return f"${{{name}{shown}{word}}}"
        there = value is not None and not (empty_is_unset and value == "")
        if kind == "-":
            return value or "" if there else word
        if kind == "+":
            return word if there else ""
        if kind == "?":
            if not there:
                raise WordError(f"{name}: {word or 'is not set'}")
            return value or ""
        return _trimmed(value or "", kind, word)

    def _replace(self, name: str) -> str:
        every = self._peek() == "/"
        self._position += every
        pattern = self._until("/", keep_escapes=True)
        replacement = self._until("}", keep_escapes=True)
        value = self._variables.get(name)
        if value is None and self._style.keep_unset:
            return f"${{{name}{'//' if every else '/'}{pattern}/{replacement}}}"
        return _replaced(value or "", _glob(pattern), replacement, every=every)


def _trimmed(value: str, kind: str, word: str) -> str:
    """`#` and `%`: without the shortest, doubled without the longest, start or end that fits a pattern."""
    longest = word.startswith(kind)
    glob = _glob(word[1:] if longest else word)
    if kind == "%":
        return _without_start(value[::-1], glob[::-1], longest=longest)[::-1]
    return _without_start(value, glob, longest=longest)


def _without_start(value: str, glob: list[str | None], *, longest: bool) -> str:
    lengths = list(_prefixes(value, 0, glob))
    return value[(lengths[-1] if longest else lengths[0]) :] if lengths else value


def _replaced(value: str, glob: list[str | None], replacement: str, *, every: bool) -> str:
    if len(value) * (len(value) + 1) * (len(glob) + 1) > _MAX_PATTERN_WORK << 8:
        raise WordError("a pattern or what it is applied to is too long")
    parts, position = [], 0
    while position <= len(value):
        lengths = list(_prefixes(value, position, glob))
        if not lengths:
            parts.append(value[position : position + 1])
            position += 1
            continue
        parts.append(replacement)
        if not every:
            return "".join(parts) + value[position + lengths[-1] :]
        if not lengths[-1]:
            parts.append(value[position : position + 1])
        position += lengths[-1] or 1
    return "".join(parts)


def _glob(pattern: str) -> list[str | None]:
    """A pattern as characters; "" stands for `?`, None for `*`."""
    glob: list[str | None] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            glob.append(None)
        elif char == "?":
            glob.append("")
        elif char == "\\":
            escaped = pattern[position : position + 1]
            if not escaped or escaped not in "*?\\}/":
                raise WordError(f"bad escape '\\{escaped}' in a pattern")
            glob.append(escaped)
            position += 1
        else:
            glob.append(char)
    return glob


def _prefixes(value: str, start: int, glob: list[str | None]) -> Iterator[int]:
    """The lengths of all parts of `value` from `start` on that fit, ascending. No backtracking."""
    if (len(value) - start) * len(glob) > _MAX_PATTERN_WORK << 4:
        raise WordError("a pattern or what it is applied to is too long")
    states = _closed({0}, glob)
    for length in range(len(value) - start + 1):
        if len(glob) in states:
            yield length
        if length == len(value) - start or not states:
            return
        char = value[start + length]
        states = _closed(
            {
                s if glob[s] is None else s + 1
                for s in states
                if s < len(glob) and glob[s] in (None, "", char)
            },
            glob,
        )


def _closed(states: set[int], glob: list[str | None]) -> set[int]:
    """The states, and those that `*` reaches without a character."""
    closed = set(states)
    for state in states:
        following = state
        while following < len(glob) and glob[following] is None and following + 1 not in closed:
            following += 1
            closed.add(following)
    return closed
