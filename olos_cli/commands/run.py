"""`olos run`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.package import open_any
from olos_cli.options import Command, layout_argument
from pack import run

_END_OF_OPTIONS = "--"


@click.command("run", cls=Command, context_settings={"allow_interspersed_args": False})
@layout_argument()
@click.argument("args", metavar="[-- ARGS]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--mount",
    "mounts",
    metavar="TARGET=DIR",
    multiple=True,
    help="Give the app a directory where its policy has a host mount.",
)
def command(path: Path, args: tuple[str, ...], mounts: tuple[str, ...]) -> None:
    """Run the app of a layout or package.

    All that stands behind PATH goes to the app, as far as the measured policy
    (host_args, host_env) lets it. The exit code is the app's. For a package,
    ./app.olos does the same without olos; --mount is --olos-mount there.
    """
    options = [word for mount in mounts for word in ("--olos-mount", mount)]
    run.run(open_any(path), args[1:] if args[:1] == (_END_OF_OPTIONS,) else args, options)
