"""`olos cat`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from olos.content import open_content
from olos.errors import InputError
from olos.tree import FileType
from olos_cli import output, rootfs
from olos_cli.options import Command, layout_argument

_CHUNK = 1 << 20


@click.command("cat", cls=Command)
@layout_argument()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def command(path: Path, files: tuple[str, ...]) -> None:
    """Write a file of the root file system to standard output.

    PATH is a layout or a package. Symlinks are followed inside of its root
    file system. Several files are written one behind the other.
    """
    with rootfs.opened(path) as image:
        entries = [rootfs.resolve(image, file, follow=True) for file in files]
    for file, entry in zip(files, entries, strict=True):
        if entry.inode.type is not FileType.REGULAR:
            raise InputError(f"{file}: is not a regular file", hint=f"see 'olos ls -l {path} {file}'")
    for entry in entries:
        with open_content(entry.inode) as stream:
            output.write_chunks(iter(partial(stream.read, _CHUNK), b""))
