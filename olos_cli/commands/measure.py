"""`olos measure`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from olos.errors import MismatchError, UsageError
from olos_cli import measure_report as report
from olos_cli import pipeline
from olos_cli.options import (
    FILE,
    Command,
    Terminal,
    chosen,
    format_option,
    layout_argument,
    pass_terminal,
)

if TYPE_CHECKING:
    from measure.layout import Measured
    from olos_cli.console import Console
    from olos_cli.referencing import Checked

_STREAM = click.Path(path_type=Path, allow_dash=True)
_EXCLUSIVE = (
    ("--sgxs", ("PATH", "--explain", "--write", "--check")),
    ("--check", ("--write", "--explain")),
)


@dataclass(frozen=True)
class _Call:
    """What was typed."""

    path: Path | None
    output_format: str
    explain: bool
    write: Path | None
    check_file: Path | None
    sgxs: Path | None

    def check(self) -> None:
        """Raise UsageError for what cannot be used together."""
        typed = {
            "PATH": self.path,
            "--explain": self.explain,
            "--write": self.write,
            "--check": self.check_file,
            "--sgxs": self.sgxs,
        }
        for one, others in _EXCLUSIVE:
            for other in others:
                if typed[one] and typed[other]:
                    raise UsageError(f"{one} and {other} cannot be used together")


@click.command("measure", cls=Command)
@layout_argument(required=False)
@format_option
@click.option("--explain", is_flag=True, help="Show all that goes into the value, with sizes and digests.")
@click.option(
    "--write", metavar="FILE", type=FILE, help="Write a reference file, to be kept with the sources."
)
@click.option(
    "--check",
    "check_file",
    metavar="FILE",
    type=FILE,
    help="Compare with a reference file, and show what differs.",
)
@click.option("--sgxs", metavar="FILE", type=_STREAM, help="Measure an SGXS stream; - is standard input.")
@pass_terminal
def command(terminal: Terminal, /, **given: Any) -> None:
    """Recompute the measurement of a layout or package.

    PATH is a layout or a package (default: ./olos-layout). Everything is
    recomputed from its bytes, no stored value is believed. Prints the 64 digits
    of the measurement. Exit code 5: a component is not what the manifest says,
    or the measurement is not that of the reference.
    """
    call, console = _Call(**given), terminal.console
    call.check()
    # What the usual call does not need is not loaded: people wait for it.
    if call.sgxs is not None:
        from olos_cli.sgxs import measure_stream  # noqa: PLC0415

        console.result(
            report.enclave_lines(call.sgxs, measure_stream(call.sgxs, console), call.output_format)
        )
    elif call.check_file is not None:
        from olos_cli import referencing  # noqa: PLC0415

        _compare(referencing.check(chosen(call.path), call.check_file, console), console, call.output_format)
    else:
        console.result(report.lines(_measured(call, console), call.output_format, explain=call.explain))


def _measured(call: _Call, console: Console) -> Measured:
    """Measure, and write the reference if one is asked for."""
    if call.write is None:
        return pipeline.measure(chosen(call.path), console)
    from olos_cli import referencing  # noqa: PLC0415

    written = referencing.write(chosen(call.path), call.write, console)
    console.step(report.written_line(written))
    return written.measured


def _compare(checked: Checked, console: Console, output_format: str) -> None:
    """Show the measurement, or what differs. Raises MismatchError."""
    if checked.equal:
        console.result(report.lines(checked.measured, output_format))
        return
    from olos_cli import diff_report, reference_diff  # noqa: PLC0415

    difference = reference_diff.difference(checked, console)
    as_json = output_format == "json"
    console.result([diff_report.as_json(difference)] if as_json else diff_report.as_text(difference))
    path, file = checked.measured.layout.origin, checked.file
    raise MismatchError(
        f"{path}: is not what {file} expects",
        hint=f"if this is meant: olos measure {path} --write {file}, and let the change be reviewed",
    )
