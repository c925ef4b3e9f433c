"""The one door to other programs.

A program gets an argument list (no shell), no standard input, the C locale and umask 022, so that
nothing of the caller's session shows in what it makes. It runs in a process group of its own; when it
ends, or when we are interrupted, what is left of that group is killed.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from olos.errors import BuildStepError, MissingToolError

MAX_LINE = 2000
"""Characters; a longer line is reported in pieces."""

TAIL_LINES = 40
_GRACE_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
"""How long a short call may take."""
_CHUNK = 1 << 16
_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Surroundings:
    """In what programs are started: by the programs of `prefix`, with `environment` on top of our own.

    They have ended after `seconds`, if it is not None.
    """

    prefix: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    umask: int = 0o022
    seconds: float | None = None


_USUAL = Surroundings()
_SURROUNDINGS = ContextVar("_SURROUNDINGS", default=_USUAL)


@contextmanager
def started_in(surroundings: Surroundings) -> Iterator[None]:
    """Within the block, every program is started in these surroundings."""
    token = _SURROUNDINGS.set(surroundings)
    try:
        yield
    finally:
        _SURROUNDINGS.reset(token)


@dataclass(frozen=True)
class Tool:
    """A program that may be missing, and the Debian package that has it."""

    name: str
    package: str

    def installed(self) -> bool:
        """Whether it can be started."""
        return shutil.which(self.name) is not None

    def path(self) -> str:
        """Where it is. Raises MissingToolError."""
        path = shutil.which(self.name)
        if path is None:
            raise MissingToolError(f"{self.name} is not installed", hint=f"apt-get install {self.package}")
        return path


class ToolFailedError(BuildStepError):
    """A program ended with another status than 0. `tail` are the last lines it printed."""

    def __init__(self, command: Sequence[str], status: int, tail: Sequence[str]) -> None:
        self.tail = tuple(tail)
        self.reason = f"signal {-status}" if status < 0 else f"status {status}"
        output = "".join(f"\n  {line}" for line in self.tail)
        super().__init__(f"{command[0]} failed with {self.reason}:\n  {shlex.join(command)}{output}")


def run(
    tool: Tool,
    arguments: Sequence[str | Path],
    output: Callable[[str], None],
    *,
    environment: Mapping[str, str] | None = None,
    result: BinaryIO | None = None,
) -> None:
    """Run a program to its end and hand every line it prints, on stdout or stderr, to `output`.

    With `result`, what it prints on stdout goes to that file as it is. Raises MissingToolError if it is not
    there, ToolFailedError if it fails, and BuildStepError if it takes too long.
    """
    command = [tool.path(), *map(str, arguments)]
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    deadline = _Deadline(command, _SURROUNDINGS.get().seconds)
    with _started(command, environment or {}, result) as process:
        for line in _lines(process, deadline):
            tail.append(line)
            output(line)
    if process.returncode:
        raise ToolFailedError([tool.name, *command[1:]], process.returncode, tail)


def first_line(
    tool: Tool, arguments: Sequence[str | Path], *, environment: Mapping[str, str] | None = None
) -> str:
    """The first line that a short call prints, or nothing. Raises like `run`, also if it takes long."""
    lines: list[str] = []

    def keep(line: str) -> None:
        if not lines:
            lines.append(line)

    with started_in(replace(_SURROUNDINGS.get(), seconds=_ANSWER_SECONDS)):
        run(tool, arguments, keep, environment=environment)
    return lines[0] if lines else ""


def printable(text: str) -> str:
    """The text without terminal sequences and other control characters but tabs."""
    return _CONTROL.sub("", text)


@contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str], result: BinaryIO | None
) -> Iterator[subprocess.Popen[bytes]]:
    around = _SURROUNDINGS.get()
    try:
        process = subprocess.Popen(
            [*around.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if result is None else result,
            stderr=subprocess.STDOUT if result is None else subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "LANGUAGE": "", **dict(around.environment), **environment},
            umask=around.umask,
            process_group=0,
        )
    except OSError as exc:
        raise BuildStepError(f"{command[0]}: cannot be started: {exc.strerror}") from exc
    with process:
        try:
            yield process
        except BaseException:
            _end(process)
            raise
        finally:
            # The zombie keeps the group's number from being given to others until `wait`.
            _signal(process, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, so that the tool can tidy up, and wait a while for the tool itself."""
    _signal(process, signal.SIGTERM)
    descriptor = os.pidfd_open(process.pid)
    try:
        select.select([descriptor], [], [], _GRACE_SECONDS)
    finally:
        os.close(descriptor)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class _Deadline:
    """When a program must have ended; never, if `seconds` is None."""

    def __init__(self, command: Sequence[str], seconds: float | None) -> None:
        self._command, self._seconds = command, seconds
        self._start = time.monotonic()

    def readable(self, *descriptors: int) -> list[int]:
        """Those of which something can be read. Raises BuildStepError if it is too late."""
        left = None if self._seconds is None else self._start + self._seconds - time.monotonic()
        found = select.select(descriptors, [], [], left)[0] if left is None or left > 0 else []
        if not found:
            raise BuildStepError(
                f"{self._command[0]}: has not ended in {self._seconds:.0f} s:\n  {shlex.join(self._command)}",
                hint="see whether the same command ends in a terminal",
            )
        return found


def _lines(process: subprocess.Popen[bytes], deadline: _Deadline) -> Iterator[str]:
    """What the program prints, line by line, until it ends.

    A process that it left behind may hold the pipe open for ever, so the end of the program counts.
    """
    stream = process.stdout or process.stderr
    assert stream is not None
    pipe, rest = stream.fileno(), ""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ended = os.pidfd_open(process.pid)
    try:
        while True:
            if pipe not in deadline.readable(pipe, ended):
                break
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                break
            *lines, rest = _LINE_END.split(rest + decoder.decode(chunk))
            if len(rest) > MAX_LINE:
                lines, rest = [*lines, rest], ""
            for line in lines:
                yield from _pieces(line)
        if rest:
            yield printable(rest)
        deadline.readable(ended)  # the pipe is closed, but the program may go on
    finally:
        os.close(ended)


def _pieces(line: str) -> Iterator[str]:
    for start in range(0, max(len(line), 1), MAX_LINE):
        yield printable(line[start : start + MAX_LINE])
