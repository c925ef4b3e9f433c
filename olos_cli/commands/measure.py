"""`olos measure`."""

from __future__ import annotations

from pathlib import Path

import click

from olos_cli import pipeline
from olos_cli.measure_report import as_json, as_text, report_of
from olos_cli.options import Command, Terminal, chosen, format_option, layout_argument, pass_terminal


@click.command("measure", cls=Command)
@layout_argument(required=False)
@format_option
@click.option("--explain", is_flag=True, help="Show all that goes into the value, with sizes and digests.")
@pass_terminal
def command(terminal: Terminal, path: Path | None, output_format: str, explain: bool) -> None:
    """Recompute the measurement of a layout or package.

    PATH is a layout or a package (default: ./olos-layout). Everything is
    recomputed from its bytes, no stored value is believed. Prints the 64 digits
    of the measurement. Exit code 5: a component is not what the manifest says.
    """
    measured = pipeline.measure(chosen(path), terminal.console)
    if output_format == "json":
        terminal.console.result([as_json(report_of(measured))])
    elif explain:
        terminal.console.result(as_text(report_of(measured)))
    else:
        terminal.console.result([measured.measurement.hex])
