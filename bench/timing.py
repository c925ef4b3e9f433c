"""Whole-process figures of programs that are run in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile


@dataclass(frozen=True)
class Contender:
    """A program that does the work of a claim.

    With `own_clock` it prints the seconds that count as the last line of its output, and its start does not;
    with `own_memory` the MiB.
    """

    label: str
    command: Sequence[str]
    stdin: Path | None = None
    own_clock: bool = False
    own_memory: bool = False


@dataclass(frozen=True)
class Figure:
    """Median and fastest time in seconds, and peak memory in MiB: of one process, unless it says its own."""

    label: str
    seconds: float
    fastest: float
    peak: float


@dataclass(frozen=True)
class _Sample:
    seconds: float
    peak: float


def compare(contenders: Sequence[Contender], runs: int) -> tuple[Figure, ...]:
    """Run all in turn, once to warm up and then `runs` times. Raises CalledProcessError if one fails."""
    samples: list[list[_Sample]] = [[] for _ in contenders]
    for number in range(runs + 1):
        for contender, into in zip(contenders, samples, strict=True):
            sample = _once(contender)
            if number:
                into.append(sample)
    return tuple(
        Figure(
            contender.label,
            statistics.median(sample.seconds for sample in own),
            min(sample.seconds for sample in own),
            max(sample.peak for sample in own),
        )
        for contender, own in zip(contenders, samples, strict=True)
    )


def _once(contender: Contender) -> _Sample:
    with (contender.stdin or Path(os.devnull)).open("rb") as stdin, TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(contender.command, stdin=stdin, stdout=subprocess.PIPE, stderr=said)
        with process:
            assert process.stdout
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.stderr.buffer.write(said.read())
            raise subprocess.CalledProcessError(process.returncode, list(contender.command))
    if contender.own_clock:
        seconds = float(output.split()[-1])
    if contender.own_memory:
        return _Sample(seconds, float(output.split()[-1]))
    return _Sample(seconds, usage.ru_maxrss / 1024)
