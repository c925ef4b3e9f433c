"""The bars that a terminal shows while work goes on."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from olos_cli.text import quantity

_BAR_WIDTH = 16


class Bars(Progress):
    """The bars of the tasks under way and, below them, the last line of a tool."""

    def __init__(self, console: Console) -> None:
        self.tool_line = ""
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR_WIDTH),
            _Amount(),
            _Rate(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        if self.tool_line:
            yield Text(self.tool_line, style="dim", no_wrap=True, overflow="ellipsis")


class _Amount(ProgressColumn):
    """How much is done, of how much."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        if task.total is None:
            return Text(quantity(task.completed, unit))
        if unit == "B":
            return Text(f"{quantity(task.completed, unit)} of {quantity(task.total, unit)}")
        return Text(f"{task.completed:,.0f} of {quantity(task.total, unit)}")


class _Rate(ProgressColumn):
    """How much in a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{quantity(task.speed, task.fields['unit'])}/s" if task.speed else "")
