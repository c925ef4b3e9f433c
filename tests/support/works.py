"""A package that says at once whether all about a start is right: streams, arguments, exit code."""

import subprocess
from dataclasses import replace
from pathlib import Path

from olos.binaries import LAUNCHER, binary
from olos.layout import open_directory
from olos.manifest import App
from support.packages import pack
from support.runtime import POLICY, Spec, make_layout, shell

INPUT = b"x\nrest"
_SCRIPT = 'read line; echo "got $line" "$@"; echo trouble >&2; exit 3'


def make_package(folder: Path, app: App | None = None) -> Path:
    """A package made below `folder`; its app, if no other is given, is the one that `assert_works` knows."""
    spec = Spec(app=app or shell(_SCRIPT), policy=replace(POLICY, host_args="append"))
    layout = make_layout(folder / "layout", spec)
    return pack(open_directory(layout), folder / "app.olos", binary(LAUNCHER).read_bytes())


def assert_works(result: subprocess.CompletedProcess[bytes], *, own_messages: bool = False) -> None:
    """It ran with INPUT. `own_messages`: what started the package may have said something too."""
    assert (result.returncode, result.stdout) == (3, b"got x\n"), result
    assert result.stderr.endswith(b"trouble\n") if own_messages else result.stderr == b"trouble\n"
