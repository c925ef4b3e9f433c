"""`olos inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.package import open_any
from olos_cli.inspect_report import as_json, as_text, report_of
from olos_cli.options import Command, Terminal, chosen, format_option, layout_argument, pass_terminal


@click.command("inspect", cls=Command)
@layout_argument(required=False)
@format_option
@pass_terminal
def command(terminal: Terminal, path: Path | None, output_format: str) -> None:
    """Show what a layout or package says of itself.

    PATH is a layout or a package (default: ./olos-layout). Shows manifest,
    annotations and sizes as they are stored. Nothing is recomputed: that is
    what 'olos measure' and 'olos verify' do.
    """
    report = report_of(open_any(chosen(path)))
    terminal.console.result([as_json(report)] if output_format == "json" else as_text(report))
