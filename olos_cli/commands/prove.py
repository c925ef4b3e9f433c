"""`olos prove`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from measure.proof.paths import path_of
from measure.proof.prover import prove
from olos.output import atomic_file
from olos_cli import output as stdout
from olos_cli import pipeline
from olos_cli.options import FILE, Command, Terminal, layout_argument, pass_terminal


@click.command("prove", cls=Command)
@layout_argument()
@click.argument("file", metavar="FILE")
@click.option("--absent", is_flag=True, help="Prove that there is no such file.")
@click.option("-o", "--output", metavar="PROOF", type=FILE, help="Write here (default: standard output).")
@pass_terminal
def command(terminal: Terminal, path: Path, file: str, absent: bool, output: Path | None) -> None:
    """Prove what the root file system has at a path.

    PATH is a layout or a package, which is measured first. FILE is an absolute
    path in its root file system, in normal form; symlinks are not followed.
    The proof shows type, mode, owner, size and content of FILE, or that there
    is none, to everybody who knows the measurement: see 'olos check-proof'.
    """
    entry_path = path_of(os.fsencode(file))
    measured = pipeline.measure(path, terminal.console)
    data = prove(measured, entry_path, absent=absent, progress=terminal.console).encode()
    terminal.console.close()
    if output is None:
        stdout.write_chunks([data])
        return
    with atomic_file(output) as stream:
        stream.write(data)
