"""How long work reports that it goes on. The command line draws it; libraries only call it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int) -> None:
        """`amount` more units are done."""


class Progress(Protocol):
    """Where work is reported."""

    def step(self, text: str) -> None:
        """A step of the work begins or has been done; one line."""

    def warn(self, name: str, text: str) -> None:
        """Something was not honoured; `name` is the stable name of the warning."""

    def output(self, line: str) -> None:
        """A line that a tool printed."""

    def task(self, text: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        """A context manager that shows work of `total` units: "B" (bytes) or a plural noun."""


class _NoTask:
    def advance(self, amount: int) -> None:
        pass


class Silent:
    """Reports nothing."""

    def step(self, text: str) -> None:
        pass

    def warn(self, name: str, text: str) -> None:
        pass

    def output(self, line: str) -> None:
        pass

    def task(self, text: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        return _silence()


@contextmanager
def _silence() -> Iterator[Task]:
    yield _NoTask()


SILENT: Progress = Silent()
