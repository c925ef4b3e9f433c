"""`olos pin`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from olos.errors import MismatchError
from olos_build.builders.table import BUILDERS
from olos_build.lock import FILE_NAME
from olos_cli import build_input, locking
from olos_cli.options import FILE, Command, Terminal, format_option, pass_terminal
from olos_cli.pin_report import lines


@click.command("pin", cls=Command)
@click.argument("dockerfile", metavar="[DOCKERFILE]", type=FILE, default="Dockerfile")
@click.option("--target", metavar="STAGE", help="Pin what is needed up to this stage (default: all).")
@click.option(
    "--build-arg",
    metavar="K[=V]",
    multiple=True,
    help="Set an ARG; K alone takes it from the environment.",
)
@click.option(
    "--builder",
    type=click.Choice(["auto", *BUILDERS]),
    default="auto",
    help="The builder to be recorded (auto: that of the lock, else as in 'olos build').",
)
@click.option("--config", metavar="FILE", type=FILE, help="Configuration (default: olos.toml there).")
@click.option("--kernel", metavar="PATH", type=FILE, help="User-Mode Linux, or the kernel/ of a layout.")
@click.option("--source-date-epoch", metavar="SECONDS", type=int, help="As given to 'olos build'.")
@click.option("--update", is_flag=True, help="Accept what has moved: write a new lock.")
@click.option(
    "-o", "--output", metavar="FILE", type=FILE, help=f"The lock (default: {FILE_NAME} beside DOCKERFILE)."
)
@format_option
@pass_terminal
def command(terminal: Terminal, /, dockerfile: Path, update: bool, output_format: str, **given: Any) -> None:
    """Write a lock: what a Dockerfile takes from outside, by digest.

    Asks registries and servers what DOCKERFILE (default: ./Dockerfile) names
    now: images, downloads, Git branches; and records kernel, crt and builder.
    'olos build' then takes exactly that. A lock that is there is compared: if
    something has moved, it is shown, nothing is written, and the exit code is
    5, unless you --update.
    """
    console = terminal.console
    build_input.check_file(dockerfile, "pin")
    settings = build_input.settings(given["config"], dockerfile.parent, given["source_date_epoch"], console)
    options = locking.PinOptions(
        dockerfile=dockerfile,
        output=given["output"] or dockerfile.parent / FILE_NAME,
        update=update,
        builder=given["builder"],
        stage=given["target"],
        build_args=build_input.build_args(given["build_arg"], console),
        kernel=given["kernel"],
        host_mounts=bool(settings.policy.host_mounts),
        source_date_epoch=settings.source_date_epoch,
    )
    pinning = locking.make(options, console)
    console.result(lines(pinning, output_format))
    if pinning.changes and not pinning.written:
        raise MismatchError(f"{pinning.path}: does not hold any more", hint=locking.accept_hint(dockerfile))
