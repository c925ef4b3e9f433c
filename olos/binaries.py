"""The compiled parts in the installed package: launcher, target program, init, and libolos for apps."""

from __future__ import annotations

from pathlib import Path

from olos.errors import MissingToolError

LAUNCHER = "launcher"
TARGET = "target-linux"
INIT = "init"

_FOLDER = Path(__file__).parent / "_bin"
_SDK = Path(__file__).parent / "_sdk"


def binary(name: str) -> Path:
    """Where a compiled part lies. Raises MissingToolError if olos was not built with it."""
    path = _FOLDER / name
    if not path.is_file():
        raise _missing(name)
    return path


def sdk() -> Path:
    """The directory of libolos with its headers. Raises MissingToolError if olos was not built with it."""
    if not _SDK.is_dir():
        raise _missing("libolos")
    return _SDK


def _missing(name: str) -> MissingToolError:
    return MissingToolError(
        f"{name}: not part of this installation", hint="install olos with 'pip install .'"
    )
