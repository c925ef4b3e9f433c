"""`olos sdk`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.output import check_free
from olos_cli import sdk
from olos_cli.options import FILE, Command, Terminal, pass_terminal


@click.command("sdk", cls=Command)
@click.argument("directory", metavar="DIR", type=FILE)
@pass_terminal
def command(terminal: Terminal, directory: Path) -> None:
    """Write the files that apps use to ask their TEE.

    DIR must not exist, or be empty. It gets libolos with its headers and a file
    for pkg-config, and a module for Python, for 'COPY DIR /usr/local' in a
    Dockerfile. They are for any C library. The same olos writes the same bytes.
    """
    check_free(directory)
    sdk.write(directory)
    terminal.console.step(f"wrote {directory}")
