"""`olos doctor`."""

from __future__ import annotations

from pathlib import Path

import click

import olos_build.doctor
import pack.doctor
from olos.errors import MissingToolError
from olos.package import open_any
from olos_cli.doctor_report import Report, as_json, as_text
from olos_cli.options import Command, Terminal, format_option, layout_argument, pass_terminal


@click.command("doctor", cls=Command)
@layout_argument(required=False)
@format_option
@pass_terminal
def command(terminal: Terminal, path: Path | None, output_format: str) -> None:
    """Check what this host offers to packages and to builds.

    Says what is missing or limited, what that costs and how to cure it. With
    PATH, a layout or a package, the memory that its policy gives the app
    counts. Exits with 6 if something is missing. './app.olos --olos-doctor'
    does the first part without olos.
    """
    layout = open_any(path) if path else None
    report = Report(
        {"run": pack.doctor.examine(layout), "build": tuple(olos_build.doctor.examine())},
    )
    console = terminal.console
    lines = [as_json(report)] if output_format == "json" else as_text(report, color=console.colors_result)
    console.result(lines)
    if not report.healthy:
        click.get_current_context().exit(MissingToolError.exit_code)
