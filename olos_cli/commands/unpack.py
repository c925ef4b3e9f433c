"""`olos unpack`."""

from __future__ import annotations

from pathlib import Path

import click

from olos_cli import pipeline
from olos_cli.options import FILE, Command, Terminal, layout_argument, pass_terminal


@click.command("unpack", cls=Command)
@layout_argument(packed_only=True)
@click.argument("directory", metavar="DIR", type=FILE)
@pass_terminal
def command(terminal: Terminal, path: Path, directory: Path) -> None:
    """Make a layout from a package.

    DIR must not exist, or be empty. The layout has the measurement of the
    package. A layout in place of a package is copied.
    """
    pipeline.unpack(path, directory, terminal.console)
    terminal.console.step(f"unpacked {path} to {directory}")
