"""`olos build`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from olos.errors import InputError, UsageError
from olos.layout import DEFAULT_NAME
from olos.progress import Progress
from olos_build.builders.table import BuilderName
from olos_build.settings import FILE_NAME, Settings, check_epoch, load
from olos_cli import building
from olos_cli.options import FILE, Command, Terminal, pass_terminal

_EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
_DOCKERFILE_ONLY = {
    "dockerfile": "DOCKERFILE",
    "context": "--context",
    "builder": "--builder",
    "target": "--target",
    "build_arg": "--build-arg",
}


@dataclass(frozen=True, kw_only=True)
class _Call:
    """The arguments as they were given."""

    dockerfile: Path
    context: Path | None
    builder: BuilderName
    target: str | None
    build_arg: tuple[str, ...]
    image: str | None
    config: Path | None
    kernel: Path | None
    source_date_epoch: int | None
    debug: bool
    output: Path


@click.command("build", cls=Command)
@click.argument("dockerfile", metavar="[DOCKERFILE]", type=FILE, default="Dockerfile")
@click.option("--context", metavar="DIR", type=FILE, help="Build context (default: DOCKERFILE's).")
@click.option(
    "--builder",
    type=click.Choice(["auto", "buildah", "docker"]),
    default="auto",
    help="auto: buildah, else a Docker Engine.",
)
@click.option("--target", metavar="STAGE", help="Build up to this stage (default: the last).")
@click.option(
    "--build-arg",
    metavar="K[=V]",
    multiple=True,
    help="Set an ARG; K alone takes it from the environment.",
)
@click.option("--image", metavar="REF", help="Take an image in place of a DOCKERFILE.")
@click.option("--config", metavar="FILE", type=FILE, help="Configuration (default: olos.toml there).")
@click.option("--kernel", metavar="PATH", type=FILE, help="User-Mode Linux, or the kernel/ of a layout.")
@click.option("--source-date-epoch", metavar="SECONDS", type=int, help="Clamp file times to this.")
@click.option("--debug", is_flag=True, help="Set policy.debug.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=FILE,
    default=DEFAULT_NAME,
    help=f"The layout to write (default: ./{DEFAULT_NAME}).",
)
@pass_terminal
@click.pass_context
def command(context: click.Context, terminal: Terminal, /, **given: Any) -> None:
    """Make a layout from a Dockerfile or an image.

    DOCKERFILE (default: ./Dockerfile) is built by buildah or a Docker Engine.
    The result, the kernel and the C-runtime become a layout, and its
    measurement is printed. An old layout is replaced when the new one is whole.

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
        build_args=_build_args(call.build_arg, terminal.console),
        settings=_settings(call, terminal.console),
        kernel=call.kernel,
        output=call.output,
    )
    built = building.build(options, terminal.console)
    terminal.console.step(f"built {built.layout}")
    terminal.console.result([built.measurement.hex])


def _check(call: _Call, context: click.Context) -> None:
    for name, shown in _DOCKERFILE_ONLY.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and call.image is not None:
            raise UsageError(f"--image and {shown} cannot be used together")
    if call.dockerfile.is_dir():
        raise InputError(
            f"{call.dockerfile}: is a directory, not a Dockerfile",
            hint=f"name the file: olos build {call.dockerfile / 'Dockerfile'}",
        )


def _build_args(items: tuple[str, ...], progress: Progress) -> tuple[tuple[str, str], ...]:
    """Names and values; a name alone takes its value from the environment, as docker does."""
    result: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not name:
            raise UsageError(f"--build-arg {item}: has no form K=V or K")
        if equals:
            result[name] = value
        elif name in os.environ:
            result[name] = os.environ[name]
        else:
            progress.warn("build-arg-unset", f"--build-arg {name}: not in the environment, so it is not set")
    return tuple(result.items())


def _settings(call: _Call, progress: Progress) -> Settings:
    """What olos.toml says, changed by the options."""
    settings = _configured(call)
    if call.source_date_epoch is not None:
        epoch = check_epoch(call.source_date_epoch, "--source-date-epoch")
        settings = replace(settings, source_date_epoch=epoch)
    if call.debug:
        settings = replace(settings, policy=replace(settings.policy, debug=True))
    # The environment of whoever builds must not change the measurement behind their back.
    outside = os.environ.get(_EPOCH_VARIABLE)
    if outside not in (None, "", str(settings.source_date_epoch)):
        progress.warn(
            "source-date-epoch-ignored",
            f"{_EPOCH_VARIABLE}={outside} in the environment is not used: file times end at "
            f"{settings.source_date_epoch}; set it in {FILE_NAME} or with --source-date-epoch",
        )
    return settings


def _configured(call: _Call) -> Settings:
    beside = Path(FILE_NAME) if call.image is not None else call.dockerfile.parent / FILE_NAME
    if call.config is None and not os.path.lexists(beside):
        return Settings()
    return load(call.config or beside)
