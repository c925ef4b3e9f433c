"""System calls by name, for programs that try them (attempt.h)."""

import errno
import re
from functools import cache
from pathlib import Path

SUPPORT = Path(__file__).parent
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def source(name: str) -> str:
    """A C program of this folder, with what reads its input."""
    return (SUPPORT / "attempt.h").read_text() + (SUPPORT / name).read_text()


def number(name: str) -> int:
    """The number of a system call on x86-64."""
    return _numbers()[name]


def spelt(call: str) -> str:
    """A call with its name, as attempt.h reads it."""
    name, *arguments = call.split()
    return " ".join([str(number(name)), *arguments])


def outcome(value: str) -> str:
    """What a system call has returned, in words: `ok` or the name of an error. Other words stay."""
    if not re.fullmatch(r"-?[0-9]+", value):
        return value
    return "ok" if int(value) >= 0 else errno.errorcode[-int(value)]


@cache
def _numbers() -> dict[str, int]:
    return {name: int(text) for name, text in re.findall(r"__NR_(\w+)\s+(\d+)", HEADER.read_text())}
