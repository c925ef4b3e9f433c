"""Whole-process figures of commands that are run in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

Command = Sequence[str]


@dataclass(frozen=True)
class Figure:
    """Median wall time in seconds, and peak memory in MiB."""

    seconds: float
    peak: float


def compare(ours: Command, theirs: Command, *, runs: int = 5) -> tuple[Figure, Figure]:
    """Run both in turn, once to warm up and then `runs` times. Raises CalledProcessError if one fails."""
    samples: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for number in range(runs + 1):
        for command, into in zip((ours, theirs), samples, strict=True):
            sample = _once(command)
            if number:
                into.append(sample)
    first, second = (
        Figure(statistics.median(s[0] for s in sample), max(s[1] for s in sample)) for sample in samples
    )
    return first, second


def _once(command: Command) -> tuple[float, float]:
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - start, usage.ru_maxrss / 1024
