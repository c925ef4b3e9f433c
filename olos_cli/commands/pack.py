"""`olos pack`."""

from __future__ import annotations

from pathlib import Path

import click

from olos_cli import pipeline
from olos_cli.options import FILE, Command, Terminal, chosen, layout_argument, pass_terminal
from olos_cli.text import size


@click.command("pack", cls=Command)
@layout_argument(required=False)
@click.option("-o", "--output", metavar="FILE", type=FILE, required=True, help="The package to write.")
@pass_terminal
def command(terminal: Terminal, path: Path | None, output: Path) -> None:
    """Make one executable file from a layout.

    PATH is a layout (default: ./olos-layout). It is measured first, and refused
    if it is not what its manifest says. The package has the same measurement,
    which is printed; the same layout gives the same bytes.
    """
    packed = pipeline.pack(chosen(path), output, terminal.console)
    terminal.console.step(f"packed {packed.path} ({size(packed.size)})")
    terminal.console.result([packed.measurement.hex])
