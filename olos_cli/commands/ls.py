"""`olos ls`."""

from __future__ import annotations

from pathlib import Path

import click

from olos_cli import listing, rootfs
from olos_cli.options import Command, Terminal, layout_argument, pass_terminal


@click.command("ls", cls=Command)
@layout_argument()
@click.argument("folder", metavar="[DIR]", default="/")
@click.option("-l", "--long", is_flag=True, help="Also mode, owner, size and time (UTC).")
@click.option("-R", "--recursive", is_flag=True, help="Also what is in the directories below.")
@pass_terminal
def command(terminal: Terminal, path: Path, folder: str, long: bool, recursive: bool) -> None:
    r"""List files of the root file system.

    PATH is a layout or a package, DIR a directory or file in its root file
    system (default: /). One line per file; what is not printable in a name is
    shown as in \x1b, a backslash as \\.
    """
    line = listing.long if long else listing.short
    with rootfs.opened(path) as image:
        top = rootfs.resolve(image, folder, follow=True)
        terminal.console.result(map(line, listing.below(image, top, recursive=recursive)))
