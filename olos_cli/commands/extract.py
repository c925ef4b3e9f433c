"""`olos extract`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from olos.errors import UsageError
from olos_cli import rootfs
from olos_cli.extraction import extract
from olos_cli.options import FILE, Command, Terminal, layout_argument, pass_terminal


@click.command("extract", cls=Command)
@layout_argument()
@click.argument("files", metavar="[FILES...]", nargs=-1)
@click.option("-o", "--output", metavar="DIR", type=FILE, required=True, help="The new directory.")
@click.option(
    "--preserve", is_flag=True, help="Also owners, set-id bits, xattrs and device nodes (as root only)."
)
@pass_terminal
def command(terminal: Terminal, path: Path, files: tuple[str, ...], output: Path, preserve: bool) -> None:
    """Copy files of the root file system into a new directory.

    PATH is a layout or a package. FILES are files or directories in its root
    file system, with all that is below (default: all of it); symlinks are
    copied, not followed. DIR must not exist, or be empty. Files belong to you
    and have no set-id bits, unless you --preserve them.
    """
    if preserve and os.geteuid() != 0:
        raise UsageError("--preserve needs root", hint="without it, the files belong to you")
    with rootfs.opened(path) as image:
        selected = frozenset(rootfs.resolve(image, file, follow=False).path for file in files or ("/",))
        count = extract(image.entries(), selected, output, preserve=preserve, progress=terminal.console)
    terminal.console.step(f"extracted {count:,} files to {output}")
