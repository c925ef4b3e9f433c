"""The programs that build a kernel, and the surroundings in which they do it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from olos_build.tool import Surroundings, Tool, run, started_in

MAKE = Tool("make", "make")
PATCH = Tool("patch", "patch")
STRIP = Tool("strip", "binutils")
COMPILER = Tool("gcc", "gcc libc6-dev")
_NEEDED = (
    MAKE,
    PATCH,
    STRIP,
    COMPILER,
    Tool("bash", "bash"),
    Tool("bc", "bc"),
    Tool("bison", "bison"),
    Tool("flex", "flex"),
    Tool("ld", "binutils"),
)

# Only these, so that nobody's flags, dates or languages show in what is compiled.
_ENVIRONMENT = {
    "ARCH": "um",
    "HOME": "/nonexistent",
    "KBUILD_BUILD_HOST": "olos",
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "olos",
    "KBUILD_BUILD_VERSION": "1",
    "LC_ALL": "C",
    "SOURCE_DATE_EPOCH": "0",
    "SUBARCH": "x86_64",
    "TZ": "UTC",
}


def check_installed() -> None:
    """Raise MissingToolError for the first program that is missing."""
    for tool in _NEEDED:
        tool.path()


def call(tool: Tool, arguments: Sequence[str | Path], output: Callable[[str], None]) -> None:
    """Run a program in our environment alone. Raises like `olos_build.tool.run`."""
    clean = ("env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}")
    words = (f"{name}={value}" for name, value in _ENVIRONMENT.items())
    with started_in(Surroundings(prefix=(*clean, *words))):
        run(tool, arguments, output)
