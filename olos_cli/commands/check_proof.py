"""`olos check-proof`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.digest import Digest
from olos_cli import proof_report
from olos_cli.options import FILE, Command, Terminal, format_option, measurement_value, pass_terminal


@click.command("check-proof", cls=Command)
@click.argument("proof", metavar="PROOF", type=FILE)
@click.option(
    "--measurement",
    metavar="HEX",
    required=True,
    callback=measurement_value,
    help="The value that the proof is for.",
)
@click.option("--file", "copy", metavar="COPY", type=FILE, help="Compare this file with what is proven.")
@format_option
@pass_terminal
def command(
    terminal: Terminal, proof: Path, measurement: Digest, copy: Path | None, output_format: str
) -> None:
    """Check what 'olos prove' wrote, and say what it shows.

    Needs the proof and the measurement, nothing else. Exit code 5: the proof
    does not show what it claims, or COPY is another file. docs/proofs.md says
    what a proof rests on.
    """
    report = proof_report.report_of(proof, measurement, copy)
    as_lines = proof_report.as_json if output_format == "json" else proof_report.as_text
    terminal.console.result(as_lines(report))
