"""`olos diff`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from measure.diff.compare import KEPT, compare
from measure.diff.model import Difference
from measure.diff.side import open_side
from olos.errors import MismatchError
from olos.output import atomic_file
from olos_cli import diff_report
from olos_cli.options import FILE, Command, Terminal, format_option, pass_terminal

_LIMIT = click.IntRange(0, 10_000_000)


@dataclass(frozen=True, kw_only=True)
class _Call:
    """What was asked for."""

    old: Path
    new: Path
    output_format: str
    html: Path | None
    limit: int | None

    @property
    def keep(self) -> int:
        """How many files are worth keeping."""
        return KEPT if self.limit is None else max(self.limit, KEPT if self.output_format == "text" else 0)

    def lines(self, difference: Difference) -> Iterable[str]:
        """The report."""
        if self.output_format == "json":
            return [diff_report.as_json(difference)]
        return diff_report.as_text(difference, diff_report.FILES_SHOWN if self.limit is None else self.limit)


@click.command("diff", cls=Command)
@click.argument("old", metavar="OLD", type=FILE)
@click.argument("new", metavar="NEW", type=FILE)
@format_option
@click.option("--html", metavar="FILE", type=FILE, help="Also write a report as one HTML page.")
@click.option(
    "--limit",
    metavar="N",
    type=_LIMIT,
    help=f"Files to show (default: {diff_report.FILES_SHOWN}; json: {KEPT}).",
)
@pass_terminal
@click.pass_context
def command(context: click.Context, terminal: Terminal, /, **given: Any) -> None:
    """Show why two measurements differ.

    OLD and NEW are layouts, packages, manifests (olos.json), files of 'olos
    tree' or reference files. Shows all that differs, from the measurement down
    to single attributes of files, with likely causes and cures, and which line
    of the Dockerfile wrote a file. Layouts and packages are measured first.
    Exit code 5: they differ.
    """
    call, console = _Call(**given), terminal.console
    old, new = (open_side(path, console) for path in (call.old, call.new))
    difference = compare(old, new, console, call.keep)
    if call.html is not None:
        _write(call.html, difference)
    console.result(call.lines(difference))
    if not difference.equal:
        context.exit(MismatchError.exit_code)


def _write(path: Path, difference: Difference) -> None:
    # Most reports are read in a terminal.
    from olos_cli.diff_html import page  # noqa: PLC0415

    with atomic_file(path) as stream:
        stream.write(page(difference).encode())
