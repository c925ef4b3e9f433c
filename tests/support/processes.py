"""What runs below a process, from /proc, whoever has started it."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_WAIT = 20.0


@contextmanager
def nothing_left() -> Iterator[None]:
    """All processes started meanwhile must end. Those that lose their parent become our own children.

    Raises AssertionError if some are still there after some time.
    """
    before = set(descendants(os.getpid()))
    _set_subreaper(True)
    try:
        yield
        await_none_below(os.getpid(), besides=before)
    finally:
        _set_subreaper(False)


def descendants(pid: int) -> list[int]:
    """The living processes below one, parents before their children."""
    found: list[int] = []
    for child in _children(pid):
        if _state(child) not in "ZX":
            found.append(child)
        found += descendants(child)
    return found


def await_none_below(pid: int, besides: Collection[int] = ()) -> None:
    """Raises AssertionError if other processes are still there after some time."""
    end = time.monotonic() + _WAIT
    while left := set(descendants(pid)) - set(besides):
        assert time.monotonic() < end, [f"{process} {_name(process)}" for process in left]
        time.sleep(0.02)


def resident(pid: int) -> int:
    """Memory of a process in bytes, of what it shares its part (PSS of proc(5))."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def _set_subreaper(on: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    threads = Path(f"/proc/{pid}/task")
    with suppress(OSError):  # the process has ended
        for thread in os.listdir(threads):
            with suppress(OSError):  # the thread has ended
                found += map(int, (threads / thread / "children").read_text().split())
    return found


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _name(pid: int) -> str:
    try:
        return os.fsdecode(Path(f"/proc/{pid}/comm").read_bytes().strip())
    except OSError:
        return "?"
