"""`olos verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from olos.manifest import MAX_SVN
from olos_cli import verification
from olos_cli.options import (
    FILE,
    Command,
    Terminal,
    digest_value,
    format_option,
    layout_argument,
    measurement_value,
    pass_terminal,
)
from olos_cli.verify_report import as_json, as_text


@click.command("verify", cls=Command)
@layout_argument()
@click.option("--measurement", metavar="HEX", callback=measurement_value, help="The value that it must have.")
@click.option("--reference", metavar="FILE", type=FILE, help="A reference file that it must agree with.")
@click.option(
    "--signer",
    metavar="HEX",
    callback=digest_value("a signer"),
    help="The MRSIGNER of whoever must have signed it.",
)
@click.option("--signature", metavar="FILE", type=FILE, help="The signature, if it lies beside PATH.")
@click.option(
    "--min-svn",
    "min_security_version",
    metavar="N",
    type=click.IntRange(0, MAX_SVN),
    help="The least security version that will do.",
)
@format_option
@pass_terminal
def command(terminal: Terminal, /, path: Path, output_format: str, **demands: Any) -> None:
    """Check every byte of a layout or package.

    Recomputes all that 'olos measure' does, and compares every other byte of a
    package (launcher, file table, ISO structures, padding) with what this
    version of olos writes. A signature that is there must be valid and say what
    the policy says. Prints the measurement, then what was checked. Exit code 5:
    something does not match. Without --measurement, --reference or --signer
    this shows that PATH is whole, not whose it is.
    """
    verified = verification.verify(path, verification.Demands(**demands), terminal.console)
    terminal.console.result([as_json(verified)] if output_format == "json" else as_text(verified))
