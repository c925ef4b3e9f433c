"""Running a package or a layout: this process becomes the target program (docs/formats.md section 6)."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from olos.errors import InputError
from olos.layout import TARGET_PROGRAM, Layout

_OPTION = "--olos-"
_END_OF_OPTIONS = "--olos--"
_LAYOUT_OPTION = "--olos-layout="


def command(layout: Layout, args: Sequence[str], options: Sequence[str] = ()) -> tuple[str, ...]:
    """The argument vector that runs a layout with the app's `args`; its first item is the program.

    `options` are those of the package (docs/formats.md section 6). All `args` reach the app, also those
    that look like options of olos. Raises InputError if the layout has no target program.
    """
    layout[TARGET_PROGRAM]  # a missing one is named here, not by the launcher
    origin = layout.origin.absolute()
    start = (str(origin),) if layout.packed else (str(origin / TARGET_PROGRAM), f"{_LAYOUT_OPTION}{origin}")
    protected = args and args[0].startswith(_OPTION)
    return (*start, *options, *((_END_OF_OPTIONS,) if protected else ()), *args)


def run(layout: Layout, args: Sequence[str], options: Sequence[str] = ()) -> NoReturn:
    """Become the program that runs a layout. Raises InputError if it cannot be started."""
    argv = command(layout, args, options)
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores SIGPIPE, and what is ignored stays so over execve: the app would not see it.
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(argv[0], argv, os.environ)  # noqa: S606
    except OSError as exc:
        signal.signal(signal.SIGPIPE, before)
        raise InputError(
            f"{argv[0]}: cannot be started: {exc.strerror}", hint=_hint(exc, Path(argv[0]))
        ) from exc


def _hint(error: OSError, program: Path) -> str | None:
    if error.errno == errno.EACCES:
        if os.access(program, os.X_OK):
            return "no part of its path, and no file system on it, may forbid execution"
        return f"chmod +x '{program}', unless the file system is mounted noexec"
    if error.errno == errno.ENOEXEC:
        return "it needs Linux on x86-64; a changed package is found by 'olos verify'"
    if error.errno == errno.E2BIG:
        return "fewer or shorter arguments and environment variables"
    return None
