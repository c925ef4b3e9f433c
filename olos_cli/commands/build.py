"""`olos build`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from olos.errors import MismatchError, UsageError
from olos.layout import DEFAULT_NAME
from olos.manifest import check_policy
from olos.progress import Progress
from olos_build.builders.buildkit_address import Address
from olos_build.builders.protocol import Extras
from olos_build.builders.table import BuilderName
from olos_build.lock import FILE_NAME
from olos_build.settings import Settings
from olos_cli import build_input, building, check_report, checking
from olos_cli.builder_options import SHOWN, builder_options
from olos_cli.check_option import CheckCommand, check_option
from olos_cli.options import FILE, Terminal, format_option, pass_terminal

_DOCKERFILE_ONLY = {
    "dockerfile": "DOCKERFILE",
    "context": "--context",
    "builder": "--builder",
    "target": "--target",
    "build_arg": "--build-arg",
    "locked": "--locked",
    "lock": "--lock",
    "no_lock": "--no-lock",
    "check": "--check",
    **SHOWN,
}


@dataclass(frozen=True, kw_only=True)
class _Call:
    """The arguments as they were given."""

    dockerfile: Path
    context: Path | None
    builder: BuilderName
    target: str | None
    build_arg: tuple[str, ...]
    extras: Extras
    buildkit: Address | None
    image: str | None
    config: Path | None
    kernel: Path | None
    source_date_epoch: int | None
    debug: bool
    locked: bool
    lock: Path | None
    no_lock: bool
    check: int | None
    output: Path
    output_format: str


@click.command("build", cls=CheckCommand)
@click.argument("dockerfile", metavar="[DOCKERFILE]", type=FILE, default="Dockerfile")
@click.option("--context", metavar="DIR", type=FILE, help="Build context (default: DOCKERFILE's).")
@click.option(
    "--builder",
    type=click.Choice(["auto", "buildah", "docker", "buildkit"]),
    default="auto",
    help="auto: buildah, else a Docker Engine, else BuildKit.",
)
@click.option("--target", metavar="STAGE", help="Build up to this stage (default: the last).")
@click.option(
    "--build-arg",
    metavar="K[=V]",
    multiple=True,
    help="Set an ARG; K alone takes it from the environment.",
)
@builder_options
@click.option("--image", metavar="REF", help="Take an image in place of a DOCKERFILE.")
@click.option("--config", metavar="FILE", type=FILE, help="Configuration (default: olos.toml there).")
@click.option("--kernel", metavar="PATH", type=FILE, help="User-Mode Linux, or the kernel/ of a layout.")
@click.option("--source-date-epoch", metavar="SECONDS", type=int, help="Clamp file times to this.")
@click.option("--debug", is_flag=True, help="Set policy.debug.")
@click.option("--locked", is_flag=True, help="Fail unless a lock covers all and nothing has moved.")
@click.option("--lock", metavar="FILE", type=FILE, help="The lock (default: olos.lock there, if any).")
@click.option("--no-lock", is_flag=True, help="Do not use a lock that is there.")
@check_option
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=FILE,
    default=DEFAULT_NAME,
    help=f"The layout to write (default: ./{DEFAULT_NAME}).",
)
@format_option
@pass_terminal
@click.pass_context
def command(context: click.Context, terminal: Terminal, /, **given: Any) -> None:
    """Make a layout from a Dockerfile or an image.

    DOCKERFILE (default: ./Dockerfile) is built by buildah, a Docker Engine or BuildKit.
    The result, the kernel and the C-runtime become a layout, and its
    measurement is printed. An old layout is replaced when the new one is whole.
    Exit code 5: --check got another measurement; the layout of the first build stays.

    \b
    REF is one of  oci:DIR[:TAG]  oci-archive:FILE  docker-archive:FILE
                   docker-daemon:NAME  or what a registry has, as debian:12
    """
    call = _Call(**given)
    _check(call, context)
    options = building.BuildOptions(
        dockerfile=call.dockerfile,
        context=call.context or call.dockerfile.parent,
        image=call.image,
        builder=call.builder,
        stage=call.target,
        build_args=build_input.build_args(call.build_arg, terminal.console),
        extras=call.extras,
        buildkit=call.buildkit,
        settings=_settings(call, terminal.console),
        kernel=call.kernel,
        lock=_lock(call),
        locked=call.locked,
        output=call.output,
    )
    built = building.build(options, terminal.console)
    terminal.console.step(f"built {built.layout}")
    checked = checking.check(options, built, call.check, terminal.console) if call.check else None
    terminal.console.result(check_report.lines(built, checked, call.output_format))
    if checked and not checked.reproduced:
        context.exit(MismatchError.exit_code)


def _check(call: _Call, context: click.Context) -> None:
    for name, shown in _DOCKERFILE_ONLY.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and call.image is not None:
            raise UsageError(f"--image and {shown} cannot be used together")
    if call.no_lock and (call.locked or call.lock):
        raise UsageError("--no-lock cannot be used together with --lock or --locked")
    build_input.check_file(call.dockerfile, "build")


def _settings(call: _Call, progress: Progress) -> Settings:
    """What olos.toml says, changed by the options."""
    folder = Path() if call.image is not None else call.dockerfile.parent
    settings = build_input.settings(call.config, folder, call.source_date_epoch, progress)
    policy = replace(settings.policy, debug=True) if call.debug else settings.policy
    check_policy(policy, "policy.{}".format)
    return replace(settings, policy=policy)


def _lock(call: _Call) -> Path | None:
    """The lock to be used: one that is asked for must be there, another one may be."""
    beside = call.dockerfile.parent / FILE_NAME
    if call.image is not None or call.no_lock:
        return None
    if call.lock or call.locked or os.path.lexists(beside):
        return call.lock or beside
    return None
