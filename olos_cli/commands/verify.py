"""`olos verify`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.digest import Digest
from olos_cli import pipeline
from olos_cli.options import Command, Terminal, layout_argument, measurement_value, pass_terminal


@click.command("verify", cls=Command)
@layout_argument()
@click.option("--measurement", metavar="HEX", callback=measurement_value, help="The value that it must have.")
@pass_terminal
def command(terminal: Terminal, path: Path, measurement: Digest | None) -> None:
    """Check every byte of a layout or package.

    Recomputes all that 'olos measure' does, and compares every other byte of a
    package (launcher, file table, ISO structures, padding) with what this
    version of olos writes. Prints the measurement. Exit code 5: something does
    not match. Without --measurement this shows that PATH is whole, not whose
    it is.
    """
    measured = pipeline.verify(path, measurement, terminal.console)
    terminal.console.result([measured.measurement.hex])
