"""`olos run`."""

from __future__ import annotations

from pathlib import Path

import click

from olos.package import open_any
from olos_cli.options import Command, layout_argument
from pack import run

_END_OF_OPTIONS = "--"


@click.command("run", cls=Command, context_settings={"allow_interspersed_args": False})
@click.option(
    "--publish",
    "published",
    metavar="SPEC",
    multiple=True,
    help="Listen on a port of this machine for one of the app: [ADDRESS:]HOSTPORT:PORT[/tcp|udp], "
    "ADDRESS 127.0.0.1 if not given. May be repeated.",
)
@click.option(
    "--host-loopback",
    is_flag=True,
    help="Let the app reach what listens on this machine's 127.0.0.1, as 10.0.2.2, "
    "if the policy lets it open connections.",
)
@click.option(
    "--mount",
    "mounts",
    metavar="TARGET=DIR",
    multiple=True,
    help="Give the app a directory where its policy has a host mount.",
)
@layout_argument()
@click.argument("args", metavar="[-- ARGS]", nargs=-1, type=click.UNPROCESSED)
def command(
    path: Path,
    published: tuple[str, ...],
    host_loopback: bool,
    mounts: tuple[str, ...],
    args: tuple[str, ...],
) -> None:
    """Run the app of a layout or package.

    All that stands behind PATH goes to the app, as far as the measured policy
    (host_args, host_env) lets it. The exit code is the app's. For a package,
    ./app.olos does the same without olos; --mount is --olos-mount there.
    """
    options = [word for mount in mounts for word in ("--olos-mount", mount)]
    options += [word for port in published for word in ("--olos-publish", port)]
    if host_loopback:
        options.append("--olos-host-loopback")
    run.run(open_any(path), args[1:] if args[:1] == (_END_OF_OPTIONS,) else args, options)
