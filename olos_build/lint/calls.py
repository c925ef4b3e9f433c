"""The programs that a RUN instruction calls, behind `sudo`, `env`, `sh -c` and the like."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from olos_build.dockerfile import Instruction, Stage
from olos_build.dockerfile.lines import Lines
from olos_build.lint.shell import Command, Word, parse

SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
_MAX_DEPTH = 5
_WRAPPERS: Mapping[str, tuple[str, int]] = {
    # program: (options that take a value, arguments before the program it calls)
    "busybox": ("", 0),
    "chroot": ("", 1),
    "command": ("", 0),
    "doas": ("uC", 0),
    "eatmydata": ("", 0),
    "env": ("uCS", 0),
    "exec": ("a", 0),
    "fakeroot": ("", 0),
    "gosu": ("", 1),
    "ionice": ("cn", 0),
    "nice": ("n", 0),
    "nohup": ("", 0),
    "setarch": ("", 1),
    "stdbuf": ("ioe", 0),
    "su-exec": ("", 1),
    "sudo": ("ugphCTrt", 0),
    "time": ("", 0),
    "timeout": ("ks", 1),
    "xargs": ("nPIdELsa", 0),
}
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")
_PIP = re.compile(r"pip[\d.]*")
_SHEBANG = re.compile(r"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(\S+)")


@dataclass(frozen=True)
class Call:
    """A program, by its name without directories, and its arguments.

    `pip` stands for `pip3`, `python3 -m pip` and the like, `python` for `python3.11` and the like.
    """

    program: str
    words: tuple[Word, ...]
    environment: Mapping[str, str]
    command: Command
    pipeline: tuple[int, int]
    line: int

    @property
    def arguments(self) -> list[str]:
        """The arguments as texts."""
        return [word.text for word in self.words]

    @property
    def action(self) -> str:
        """The first argument that is no option: `install` of `apt-get -y install`."""
        return next((text for text in self.arguments if not text.startswith("-")), "")

    def has(self, *options: str) -> bool:
        """Whether one of the options is given: `--long`, `--long=value`, `-s`, `-abs`."""
        return any(_is(text, option) for text in self.arguments for option in options)

    def operands(self, values: str = "", long_values: tuple[str, ...] = ()) -> list[Word]:
        """The arguments that are no options nor values of options; `values`: short options that take one."""
        result: list[Word] = []
        skip = ended = False
        for word in self.words:
            text = word.text
            if skip:
                skip = False
            elif ended or not text.startswith("-") or text == "-":
                result.append(word)
            elif text == "--":
                ended = True
            elif text.startswith("--"):
                skip = text in long_values
            else:
                skip = text[-1] in values
        return result

    def values(self, *options: str) -> list[str]:
        """The values of options: `--name value`, `--name=value`, `-n value`, `-nvalue`."""
        found: list[str] = []
        texts = self.arguments
        for index, text in enumerate(texts):
            for option in options:
                if text == option:
                    found += texts[index + 1 : index + 2]
                elif option.startswith("--") and text.startswith(f"{option}="):
                    found.append(text[len(option) + 1 :])
                elif not option.startswith("--") and not text.startswith("--") and text.startswith(option):
                    found.append(text[len(option) :].removeprefix("="))
        return found


def _is(text: str, option: str) -> bool:
    if option.startswith("--"):
        return text == option or text.startswith(f"{option}=")
    return text == option or (
        len(option) == 2 and text.startswith("-") and not text.startswith("--") and option[1] in text[1:]
    )


def calls_of(instruction: Instruction, stage: Stage) -> Iterator[Call]:
    """The calls of a RUN instruction; of others there are none."""
    if instruction.keyword != "RUN" or not _is_shell(stage.shell[0] if not instruction.json else "sh"):
        return
    yield from _Finder(instruction, stage.variables).calls()


def _is_shell(path: str) -> bool:
    return posixpath.basename(path) in (*SHELLS, "busybox")


@dataclass
class _Finder:
    instruction: Instruction
    variables: Mapping[str, str]
    scripts: int = field(default=0)

    def calls(self) -> Iterator[Call]:
        instruction = self.instruction
        if instruction.json:
            words = [Word(text, instruction.line) for text in instruction.arguments]
            yield from self._unwrapped(Command(words, line=instruction.line), 0)
            return
        if self._is_script():
            heredoc = instruction.heredocs[0]
            yield from self._script(heredoc.text, _line_in(heredoc.text, heredoc.line), 0)
            return
        start = instruction.rest_offset
        yield from self._script(instruction.rest, lambda offset: instruction.line_at(start + offset), 0)
        yield from self._fed()

    def _is_script(self) -> bool:
        """Whether the first here-document is the script itself: `RUN <<EOF`."""
        heredocs = self.instruction.heredocs
        if not heredocs or not re.fullmatch(r"\d*<<-?\s*\S+", self.instruction.rest):
            return False
        shebang = _SHEBANG.match(heredocs[0].text)
        return not shebang or _is_shell(shebang[1])

    def _fed(self) -> Iterator[Call]:
        """Scripts that a shell reads from a here-document: `RUN bash <<EOF`."""
        words = self.instruction.rest.split(maxsplit=1)
        if self.instruction.heredocs and words and _is_shell(words[0]):
            heredoc = self.instruction.heredocs[0]
            yield from self._script(heredoc.text, _line_in(heredoc.text, heredoc.line), 0)

    def _script(self, text: str, line_of: Callable[[int], int], depth: int) -> Iterator[Call]:
        self.scripts += 1
        number = self.scripts
        for command in parse(text, line_of, self.variables):
            yield from self._unwrapped(command, depth, number)

    def _unwrapped(self, command: Command, depth: int, script: int = 0) -> Iterator[Call]:
        """The call of a command, and those of the script that it is given."""
        environment = dict(command.assignments)
        words = _without_wrappers(list(command.words), environment)
        if not words:
            yield Call("", (), environment, command, (script, command.pipeline), command.line)
            return
        program, words = _named(words)
        call = Call(
            program, tuple(words[1:]), environment, command, (script, command.pipeline), words[0].line
        )
        yield call
        if depth < _MAX_DEPTH and (inner := _script_of(call)):
            yield from self._script(inner.text, lambda _: inner.line, depth + 1)


def _line_in(text: str, first: int) -> Callable[[int], int]:
    lines = Lines(text)
    return lambda offset: first + min(lines.at(offset), max(len(lines) - 1, 0))


def _without_wrappers(words: list[Word], environment: dict[str, str]) -> list[Word]:
    position = 0
    while position < len(words):
        wrapper = _WRAPPERS.get(posixpath.basename(words[position].text))
        if wrapper is None:
            break
        position = _behind(words, position + 1, wrapper, environment)
    return words[position:]


def _behind(words: list[Word], position: int, wrapper: tuple[str, int], environment: dict[str, str]) -> int:
    """Where the program begins that a wrapper calls."""
    with_value, arguments = wrapper
    while position < len(words):
        text = words[position].text
        if match := _ASSIGNMENT.fullmatch(text):
            environment[match[1]] = match[2]
        elif text.startswith("-") and text != "-":
            position += len(text) == 2 and text[1] in with_value
        elif arguments:
            arguments -= 1
        else:
            break
        position += 1
    return position


def _named(words: list[Word]) -> tuple[str, list[Word]]:
    """The name of the program, and the words that it begins."""
    program = posixpath.basename(words[0].text)
    if _PYTHON.fullmatch(program):
        for index, word in enumerate(words[:-1]):
            if word.text == "-m" and words[index + 1].text == "pip":
                return "pip", words[index + 1 :]
        return "python", words
    if _PIP.fullmatch(program):
        return "pip", words
    if program == "uv" and len(words) > 1 and words[1].text == "pip":
        return "pip", words[1:]
    return program, words


def _script_of(call: Call) -> Word | None:
    """The script that a call is given as an argument."""
    if call.program == "eval" and call.words:
        return Word(" ".join(call.arguments), call.line)
    if call.program not in (*SHELLS, "su", "runuser"):
        return None
    for word, following in zip(call.words, call.words[1:], strict=False):
        if re.fullmatch(r"-[a-zA-Z]*c", word.text) or word.text == "--command":
            return following
    return None
