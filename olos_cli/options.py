"""What all commands share: the options of the terminal, and arguments that name a layout or a package."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from olos.digest import Digest, sha256_of
from olos.errors import InputError
from olos.layout import DEFAULT_NAME

if TYPE_CHECKING:
    from olos_cli.console import Console

_F = TypeVar("_F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)
"""A path of the host; what is wrong with it is found out where it is used."""


@dataclass
class Terminal:
    """The options of the terminal as far as they have been read, and the console that they give."""

    verbose: bool = False
    quiet: bool = False
    color: bool = True

    @cached_property
    def console(self) -> Console:
        """The console. Made when first needed, since that takes a while (`olos --help` needs none)."""
        from olos_cli.console import Console  # noqa: PLC0415

        return Console(verbose=self.verbose, quiet=self.quiet, color=self.color)


def _set(**values: bool) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(context: click.Context, _: click.Parameter, given: bool) -> None:
        if given:
            for name, value in values.items():
                setattr(context.ensure_object(Terminal), name, value)

    return callback


def terminal_options() -> list[click.Parameter]:
    """-v, -q and --no-color, before or behind the name of the command; the last of -v and -q wins."""

    def flag(*names: str, text: str, **values: bool) -> click.Option:
        return click.Option(names, is_flag=True, expose_value=False, help=text, callback=_set(**values))

    return [
        flag("-v", "--verbose", text="Also show what tools print.", verbose=True, quiet=False),
        flag("-q", "--quiet", text="Show warnings and errors only.", verbose=False, quiet=True),
        flag("--no-color", text="No colours (also: NO_COLOR in the environment).", color=False),
    ]


class Command(click.Command):
    """A command that takes the options of the terminal as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += terminal_options()


pass_terminal = click.make_pass_decorator(Terminal, ensure=True)


def layout_argument(*, required: bool = True, packed_only: bool = False) -> Callable[[_F], _F]:
    """The argument `path`: a layout or a package. Where it is not required, see `chosen`."""
    name = "PACKAGE" if packed_only else "PATH"
    metavar = name if required else f"[{name}]"
    return click.argument("path", metavar=metavar, type=FILE, required=required)


def chosen(path: Path | None) -> Path:
    """The path that was given, or what `olos build` makes here. Raises InputError if there is neither."""
    if path is None and not os.path.lexists(DEFAULT_NAME):
        raise InputError(
            f"{DEFAULT_NAME}: there is no layout of this name in the current directory",
            hint="run 'olos build' first, or name a layout or a package",
        )
    return path or Path(DEFAULT_NAME)


def digest_value(what: str) -> Callable[[click.Context, click.Parameter, str | None], Digest | None]:
    """The callback of an option that takes a SHA-256 as 64 digits; `what` says of what."""

    def callback(_: click.Context, parameter: click.Parameter, value: str | None) -> Digest | None:
        if value is None:
            return None
        try:
            return sha256_of(value.lower(), where=what)
        except InputError as exc:
            raise click.BadParameter(exc.message, param=parameter) from exc

    return callback


measurement_value = digest_value("a measurement")
"""The callback of an option that takes a measurement."""

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
