"""What a person sees: steps, bars, warnings and errors on standard error, the result on standard output.

In a terminal, work is shown while it goes on. Elsewhere only warnings and errors are written, so
that a pipe or a log stays quiet. No foreign string reaches the terminal as it is (olos_cli.text).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from olos.progress import Task
from olos_cli import output
from olos_cli.text import quantity, visible, visible_lines

if TYPE_CHECKING:
    # Loaded when there is something to show, since that takes longer than measuring a small layout.
    from rich.console import Console as RichConsole
    from rich.progress import TaskID

    from olos_cli.bars import Bars

_MOVE_SECONDS = 0.05
_LONG_SECONDS = 1.0
_LABEL_WIDTH = 30  # with a bar, an amount and a rate it fits into 80 columns


class Console:
    """The terminal of one run of `olos`. Implements `olos.progress.Progress`."""

    def __init__(
        self,
        *,
        verbose: bool = False,
        quiet: bool = False,
        color: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        """`verbose`: also what tools print. `quiet`: warnings and errors only. `stream`: default stderr."""
        stream = stream or sys.stderr
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.verbose = verbose
        self._live = terminal and not quiet
        self._steps = self._live or verbose
        self._bars: Bars | None = None
        self._stream, self._terminal, self._color = stream, terminal, color

    @cached_property
    def _rich(self) -> RichConsole:
        from rich.console import Console as RichConsole  # noqa: PLC0415

        return RichConsole(
            file=self._stream,
            force_terminal=self._terminal,
            color_system="auto"
            if self._color and self._terminal and not os.environ.get("NO_COLOR")
            else None,
            markup=False,
            highlight=False,
            emoji=False,
            # A terminal gets lines broken between words; a log gets them as they are.
            soft_wrap=not self._terminal,
        )

    def step(self, text: str) -> None:
        """Show a step of the work."""
        self._show_tool_line("")
        if self._steps:
            self._print(visible(text))

    def warn(self, name: str, text: str) -> None:
        """Show a named warning, always."""
        self._print(visible_lines(text), label="warning", style="yellow", suffix=f" [{visible(name)}]")

    def output(self, line: str) -> None:
        """Show a line that a tool printed: for good if verbose, else until the next one."""
        line = visible(line.rstrip().expandtabs())
        if self.verbose:
            self._print(line, body="dim")
        elif self._live and line:
            self._show_tool_line(line)

    @contextmanager
    def task(self, text: str, total: int | None, unit: str) -> Iterator[Task]:
        """Show a bar while the block runs, and if it took a while, or if verbose, what was done."""
        self._show_tool_line("")
        count = _Count()
        start = time.monotonic()
        with self._bar(visible(text), total, unit, count):
            yield count
        seconds = time.monotonic() - start
        if self.verbose or (self._live and seconds >= _LONG_SECONDS):
            self._print(_summary(visible(text), count.done, unit, seconds))

    def error(self, message: str, hint: str | None = None) -> None:
        """Show an error and what to do about it."""
        self._print(visible_lines(message), label="error", style="bold red")
        if hint:
            self._print(visible_lines(hint), label="hint", style="cyan")

    def trace(self, text: str) -> None:
        """Show where an error came from."""
        for line in text.splitlines():
            self._print(visible(line), body="dim")

    def result(self, lines: Iterable[str]) -> None:
        """Write lines to standard output."""
        self.close()
        output.write_lines(lines)

    @property
    def colors_result(self) -> bool:
        """Whether the result goes to a terminal that shows colours."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
        return self._color and sys.stdout.isatty() and not plain

    def close(self) -> None:
        """Take away what is only shown for a while."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    @contextmanager
    def _bar(self, text: str, total: int | None, unit: str, count: _Count) -> Iterator[None]:
        if not self._live:
            yield
            return
        bars = self._started_bars()
        label = text if len(text) <= _LABEL_WIDTH else f"{text[: _LABEL_WIDTH - 1]}…"
        identity = bars.add_task(label, total=total, unit=unit)
        count.attach(bars, identity)
        try:
            yield
        finally:
            bars.remove_task(identity)
            if not bars.tasks and not bars.tool_line:
                self.close()

    def _started_bars(self) -> Bars:
        if self._bars is None:
            from olos_cli.bars import Bars  # noqa: PLC0415

            self._bars = Bars(self._rich)
            self._bars.start()
        return self._bars

    def _show_tool_line(self, line: str) -> None:
        if self._live and (line or self._bars):
            bars = self._started_bars()
            bars.tool_line = line
            if not line and not bars.tasks:
                self.close()

    def _print(
        self, text: str, *, label: str = "", style: str = "", body: str = "", suffix: str = ""
    ) -> None:
        from rich.text import Text  # noqa: PLC0415

        line = Text(f"{label}: " if label else "", style=style, end="")
        # Text.assemble would parse nothing either, but this keeps the three styles apart.
        self._rich.print(Text.assemble(line, (text, body), (suffix, "dim")))


class _Count:
    """Counts the units of a task and moves its bar, if it has one."""

    def __init__(self) -> None:
        self.done = 0
        self._bar: tuple[Bars, TaskID] | None = None
        self._next_move = 0.0

    def attach(self, bars: Bars, identity: TaskID) -> None:
        self._bar = bars, identity

    def advance(self, amount: int) -> None:
        self.done += amount
        # Moving a bar takes longer than hashing a small file.
        if self._bar is not None and time.monotonic() >= self._next_move:
            bars, identity = self._bar
            bars.update(identity, completed=self.done)
            self._next_move = time.monotonic() + _MOVE_SECONDS


def _summary(text: str, done: int, unit: str, seconds: float) -> str:
    rate = f", {quantity(done / seconds, unit)}/s" if done and seconds >= 0.01 else ""
    return f"{text}: {quantity(done, unit)} in {seconds:.1f} s{rate}"
