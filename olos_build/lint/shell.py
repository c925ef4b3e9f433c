"""The commands of a shell script, as far as a linter needs them: words, pipes, substitutions, lines.

A tokenizer for the Shell Command Language (POSIX.1-2017, volume XCU, chapter 2) with the usual extensions
of bash. It never refuses a text: what it cannot read it takes as words. Its time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from olos_build.dockerfile.lines import Lines
from olos_build.dockerfile.words import Style, WordError, expand

_MAX_DEPTH = 40
_KEEP = Style(keep_unset=True)
_BLANKS = re.compile(r"(?:[ \t\r]|\\\r?\n)*")
_PLAIN = re.compile(r"[^\s\\'\"`$;&|<>()]+")
_IN_DOUBLE = re.compile(r"[^\\\"`$]+")
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_REDIRECTION = re.compile(r"(?:&>>?|<<<|<<-?|<&|>&|<>|>>|>\||[<>])")
_SETTERS = ("for", "select", "read", "export", "local", "declare")
_PARENTHESIS = re.compile(r"[()]")
_RESERVED = frozenset("! { } if then elif else fi do done while until time esac".split())  # noqa: SIM905


@dataclass(frozen=True)
class Word:
    """One word without its quotes. Variables whose values are known are replaced, others stay as written.

    Command substitutions show as `$()`.
    """

    text: str
    line: int


@dataclass
class Command:
    """A simple command: a program and its arguments.

    `pipeline` is common to the commands of a pipe, which are in its order. `within` is the command that has
    this one as a substitution in one of its words. `variables` are those that the words name. `outputs` are
    the files it is redirected into; `document` is the here-document, or here-string, that it reads.
    """

    words: list[Word] = field(default_factory=list)
    assignments: list[tuple[str, str]] = field(default_factory=list)
    line: int = 0
    pipeline: int = 0
    within: Command | None = None
    variables: set[str] = field(default_factory=set)
    outputs: list[str] = field(default_factory=list)
    document: str | None = None


def parse(text: str, line_of: Callable[[int], int], variables: Mapping[str, str]) -> list[Command]:
    """The commands of a script, those in substitutions before the commands that they are part of.

    `line_of` gives the line of the file for an offset. Variables that the script sets are not replaced.
    """
    script = _Script(text, line_of, variables)
    script.list_until("", None)
    return script.commands


class _Script:
    def __init__(self, text: str, line_of: Callable[[int], int], variables: Mapping[str, str]) -> None:
        self._text, self._line_of, self._variables = text, line_of, variables
        self._position = self._depth = 0
        self._backquoted = False
        self._pipelines = 0
        self._own: set[str] = set()
        self._documents: list[tuple[Command, str, bool]] = []
        self._lines: Lines | None = None
        self.commands: list[Command] = []

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._position + ahead : self._position + ahead + 1]

    def list_until(self, stop: str, within: Command | None) -> None:
        """Read commands up to the character `stop`, which is passed over ("": the end of the text)."""
        current = self._begin(within, None)
        while True:
            self._skip_blanks()
            char = self._peek()
            if not char or char == stop:
                self._position += 1
                break
            if char == "&" and self._peek(1) == ">":
                self._redirection(current)
            elif char in "\n;&|()":
                self._close(current)
                current = self._begin(within, current.pipeline if self._separator(char) else None)
            elif char == "#":
                end = self._text.find("\n", self._position)
                self._position = len(self._text) if end < 0 else end
            elif char in "<>" and self._peek(1) != "(":
                self._redirection(current)
            else:
                self._take(current)
        self._close(current)

    def _begin(self, within: Command | None, pipeline: int | None) -> Command:
        """A command that goes on with a pipeline, or begins a new one."""
        self._pipelines += pipeline is None
        return Command(pipeline=pipeline or self._pipelines, within=within)

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self._text, self._position)
        self._position = match.end() if match else self._position

    def _separator(self, char: str) -> bool:
        """Pass over what ends a command. True if the pipe goes on."""
        pair = self._text[self._position : self._position + 2]
        self._position += 2 if pair in ("&&", "||", "|&", ";;") else 1
        if char == "\n":
            self._read_documents()
        if char == ")":  # a pipe may follow a group
            self._skip_blanks()
            return self._peek() == "|" and self._peek(1) != "|"
        return pair == "|&" or (char == "|" and pair != "||")

    def _close(self, current: Command) -> None:
        while current.words and current.words[0].text in _RESERVED:
            current.words.pop(0)
        self._own.update(name for name, _ in current.assignments)
        if current.words and current.words[0].text in _SETTERS:
            self._own.update(word.text.partition("=")[0] for word in current.words[1:])
        if current.words or current.assignments or current.outputs:
            self.commands.append(current)

    def _take(self, current: Command) -> None:
        """One word: of the command, or an assignment before it, or the number of a descriptor."""
        start = self._position
        text = self._word(current)
        line = self._line_of(start)
        current.line = current.line or line
        if text.isdecimal() and self._peek() in ("<", ">") and self._text[start : self._position] == text:
            self._redirection(current)
        elif not current.words and (match := _ASSIGNMENT.fullmatch(text)):
            current.assignments.append((match[1], match[2]))
        elif text or self._position > start:
            current.words.append(Word(text, line))
        if self._position == start:  # nothing that belongs to a word: never stand still
            self._position += 1

    def _redirection(self, current: Command) -> None:
        match = _REDIRECTION.match(self._text, self._position)
        operator = match[0] if match else self._peek()
        current.line = current.line or self._line_of(self._position)
        self._position += len(operator)
        self._skip_blanks()
        start = self._position
        target = self._word(current)
        if operator in ("<<", "<<-"):
            name = re.sub(r"[\\'\"]", "", self._text[start : self._position])
            self._documents.append((current, name, operator == "<<-"))
        elif operator == "<<<":
            current.document = target
        elif ">" in operator and operator != ">&":
            current.outputs.append(target)

    def _read_documents(self) -> None:
        """Give here-documents that the line before has announced to their commands, and pass over them."""
        for command, name, tabs in self._documents:
            self._lines = self._lines or Lines(self._text)
            first = self._lines.at(self._position)
            last = self._lines.find(name, first, without_tabs=tabs)
            if last is not None:
                command.document = self._lines.text(first, last)
                self._position = self._lines.starts[last + 1]
        self._documents.clear()

    def _word(self, current: Command) -> str:
        """One word, up to a blank or an operator outside of quotes."""
        parts: list[str] = []
        while char := self._peek():
            if match := _PLAIN.match(self._text, self._position):
                parts.append(match[0])
                self._position = match.end()
            elif char in "<>" and self._peek(1) == "(" and not parts:
                self._position += 2
                parts.append(f"{char}()")
                self._nested(")", current)
            elif char.isspace() or char in ";&|<>()" or (char == "`" and self._backquoted):
                break
            elif char == "\\":
                escaped = self._text[self._position + 1 : self._position + 2]
                self._position += 2
                parts.append("" if escaped == "\n" else escaped)
            else:
                parts.append(self._quoted(char, current))
        return "".join(parts)

    def _quoted(self, char: str, current: Command) -> str:
        if char == "'":
            end = self._text.find("'", self._position + 1)
            end = len(self._text) if end < 0 else end
            text, self._position = self._text[self._position + 1 : end], end + 1
            return text
        if char == '"':
            return self._double(current)
        if char == "`":
            return self._backquotes(current)
        return self._dollar(current)

    def _double(self, current: Command) -> str:
        self._position += 1
        parts: list[str] = []
        while (char := self._peek()) and char != '"' and not (char == "`" and self._backquoted):
            if match := _IN_DOUBLE.match(self._text, self._position):
                parts.append(match[0])
                self._position = match.end()
            elif char == "\\":
                escaped = self._text[self._position + 1 : self._position + 2]
                parts.append(escaped if escaped in '"\\$`' else "" if escaped == "\n" else char + escaped)
                self._position += 2
            else:
                parts.append(self._backquotes(current) if char == "`" else self._dollar(current))
        self._position += 1
        return "".join(parts)

    def _dollar(self, current: Command) -> str:
        following = self._peek(1)
        if following == "(":
            if self._peek(2) == "(":
                return self._arithmetic(current)
            self._position += 2
            self._nested(")", current)
            return "$()"
        if following == "{":
            return self._braces(current)
        if following in ("'", '"') and following:
            self._position += 1
            return self._quoted(following, current)
        match = _NAME.match(self._text, self._position + 1)
        if not match:
            self._position += 1
            return "$"
        self._position = match.end()
        return self._replaced(match[0], f"${match[0]}", current)

    def _arithmetic(self, current: Command) -> str:
        start, depth = self._position, 0
        self._position = len(self._text)
        for match in _PARENTHESIS.finditer(self._text, start):
            depth += 1 if match[0] == "(" else -1
            if depth == 0:
                self._position = match.end()
                break
        text = self._text[start : self._position]
        current.variables.update(re.findall(r"[A-Za-z_]\w*", text))
        return text

    def _braces(self, current: Command) -> str:
        """`${…}`. Substitutions inside are read as well."""
        start = self._position
        self._position += 2
        self._deeper()
        while (char := self._peek()) and char != "}":
            if char == "$" and self._peek(1) in ("{", "("):
                self._dollar(current)
            elif char in "\"'`":
                self._quoted(char, current)
            else:
                self._position += 2 if char == "\\" else 1
        self._position += 1
        self._depth -= 1
        text = self._text[start : self._position]
        name = _NAME.match(text, 2)
        return self._replaced(name[0] if name else "", text, current)

    def _replaced(self, name: str, written: str, current: Command) -> str:
        current.variables.add(name)
        if name in self._own or name not in self._variables:
            return written
        try:
            return expand(written, self._variables, _KEEP)
        except WordError:
            return written

    def _backquotes(self, current: Command) -> str:
        self._position += 1
        self._nested("`", current)
        return "$()"

    def _nested(self, stop: str, current: Command) -> None:
        before, self._backquoted = self._backquoted, stop == "`"
        self._deeper()
        self.list_until(stop, current)
        self._depth -= 1
        self._backquoted = before

    def _deeper(self) -> None:
        """One substitution inside of another. What is nested beyond measure is left unread."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._position = len(self._text)
