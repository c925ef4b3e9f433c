"""`olos tree`."""

from __future__ import annotations

from pathlib import Path

import click

from measure.diff.side import of_measured
from measure.saved_tree import lines
from olos.output import atomic_file
from olos_cli import output, pipeline
from olos_cli.options import FILE, Command, Terminal, chosen, layout_argument, pass_terminal


@click.command("tree", cls=Command)
@layout_argument(required=False)
@click.option(
    "-o", "--output", "file", metavar="FILE", type=FILE, help="Write to a file, not to the terminal."
)
@pass_terminal
def command(terminal: Terminal, path: Path | None, file: Path | None) -> None:
    """Save what 'olos diff' needs of a layout or package.

    PATH is a layout or a package (default: ./olos-layout), which is measured.
    Writes its manifest and all entries of its root file system as JSON Lines,
    with digests in place of contents. It is small, and 'olos diff' takes it in
    place of PATH.
    """
    side = of_measured(pipeline.measure(chosen(path), terminal.console))
    assert side.tree is not None
    for note in side.notes:
        terminal.console.warn("annotations-unused", note)
    saved = lines(side.manifest, side.annotations, side.tree())
    if file is None:
        terminal.console.close()
        output.write_chunks(saved)
        return
    with atomic_file(file) as stream:
        stream.writelines(saved)
