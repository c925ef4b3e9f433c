"""Calling `olos` in this process, with its exit code and what it wrote."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from olos_cli.main import main


@dataclass(frozen=True)
class Outcome:
    """How a call of `olos` ended."""

    code: int
    out: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        return self.out.decode()


Call = Callable[..., Outcome]


def caller(capture: pytest.CaptureFixture[bytes]) -> Call:
    """A function that calls `olos ARGS`; the exit code must be `expect`."""

    def call(*args: str | Path, expect: int = 0) -> Outcome:
        capture.readouterr()
        with _signals_restored():
            code = main([str(arg) for arg in args])
        out, err = capture.readouterr()
        assert code == expect, (code, out, err)
        return Outcome(code, out, err.decode())

    return call


@contextmanager
def _signals_restored() -> Iterator[None]:
    """What `main` does to the process is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
