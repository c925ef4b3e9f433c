"""A Progress that remembers what was reported."""

from collections.abc import Iterator
from contextlib import contextmanager

from olos.progress import Silent, Task


class RecordedTask:
    """The total of a task and the steps it made."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.steps: list[int] = []

    def advance(self, amount: int) -> None:
        self.steps.append(amount)


class Recorder(Silent):
    """Keeps every step, every task that was begun, and every warning: its name and its text."""

    def __init__(self) -> None:
        self.tasks: list[RecordedTask] = []
        self.warnings: list[tuple[str, str]] = []
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def warn(self, name: str, text: str) -> None:
        self.warnings.append((name, text))

    @contextmanager
    def task(self, text: str, total: int | None, unit: str) -> Iterator[Task]:
        self.tasks.append(RecordedTask(total))
        yield self.tasks[-1]
