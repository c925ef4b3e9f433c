"""The compiled parts that lie in the installed package: launcher, target program, init."""

from __future__ import annotations

from pathlib import Path

from olos.errors import MissingToolError

LAUNCHER = "launcher"
TARGET = "target-linux"
INIT = "init"

_FOLDER = Path(__file__).parent / "_bin"


def binary(name: str) -> Path:
    """Where a compiled part lies. Raises MissingToolError if olos was not built with it."""
    path = _FOLDER / name
    if not path.is_file():
        raise MissingToolError(
            f"{name}: not part of this installation", hint="install olos with 'pip install .'"
        )
    return path
