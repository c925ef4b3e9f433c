"""The `olos` command: reads the call, runs a command, shows what went wrong, gives the exit code.

This is the only place that catches everything: nobody is shown a traceback who did not ask for it.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

import click

from olos import VERSION
from olos.errors import InputError, OlosError, UsageError
from olos_cli import output
from olos_cli.loading import loading
from olos_cli.options import Terminal, terminal_options

COMMANDS = {
    "build": "Make a layout from a Dockerfile or an image.",
    "pin": "Write a lock: what a Dockerfile takes from outside, by digest.",
    "lint": "Name what makes the next build differ from this one.",
    "measure": "Recompute the measurement of a layout or package.",
    "pack": "Make one executable file from a layout.",
    "unpack": "Make a layout from a package.",
    "sdk": "Write the files that apps use to ask their TEE.",
    "run": "Run the app of a layout or package.",
    "verify": "Check every byte of a layout or package.",
    "sign": "Sign the measurement of a layout or package.",
    "keygen": "Make a key that signs measurements.",
    "prove": "Prove what the root file system has at a path.",
    "check-proof": "Check what 'olos prove' wrote, and say what it shows.",
    "diff": "Show why two measurements differ.",
    "tree": "Save what 'olos diff' needs of a layout or package.",
    "kernel": "Build a small kernel of our own.",
    "attest": "Verify attestation evidence.",
    "doctor": "Check what this host offers to packages and to builds.",
    "inspect": "Show what a layout or package says of itself.",
    "ls": "List files of the root file system.",
    "cat": "Write a file of the root file system to standard output.",
    "extract": "Copy files of the root file system into a new directory.",
}
"""The commands in the order of the help. A module is loaded when its command is used, for a quick start."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_EXIT_SIGNAL = 128
_ENVIRONMENT = {
    errno.EACCES,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EROFS,
}
"""Errors of the machine rather than of olos, whoever meets them."""


class Ended(KeyboardInterrupt):
    """The process was told to end. Like Ctrl-C, it lets everybody clean up."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def module_of(name: str) -> str:
    """The module of a command."""
    return f"olos_cli.commands.{name.replace('-', '_')}"


class _Commands(click.Group):
    """The group `olos`: knows its commands by name and loads them one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with loading():
            command: click.Command = importlib.import_module(module_of(cmd_name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS:
            import difflib  # noqa: PLC0415

            close = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean 'olos {close[0]}'?" if close else "see 'olos --help'"
            raise UsageError(f"there is no command {name[:80]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        click.echo(f"olos {VERSION}")
        context.exit()


@click.group(
    cls=_Commands,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Show the version and exit.",
            callback=_show_version,
        ),
        *terminal_options(),
    ],
    context_settings={"max_content_width": 80},
)
def cli() -> None:
    """Turn a Dockerfile into one executable file that runs on a measured stack.

    \b
    olos build Dockerfile    Dockerfile -> layout, in ./olos-layout
    olos measure             layout -> the one value that identifies it
    olos pack -o app.olos    layout -> one executable with the same value
    ./app.olos               runs the app
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run `olos ARGS` (default: those of the process) and return its exit code."""
    terminal = Terminal()
    try:
        _prepare()
        code = _run(list(sys.argv[1:] if args is None else args) or ["--help"], terminal)
        output.flush()
    except BrokenPipeError:
        output.drop()
        return _EXIT_SIGNAL + signal.SIGPIPE
    except KeyboardInterrupt as exc:
        terminal.console.close()
        terminal.console.error("interrupted")
        return _EXIT_SIGNAL + (exc.number if isinstance(exc, Ended) else signal.SIGINT)
    except Exception as exc:  # the one door at which everything arrives
        return _show(exc, terminal)
    return code


def _run(args: list[str], terminal: Terminal) -> int:
    # Not cli.main(): that would turn an interrupt and a broken pipe into its own messages.
    try:
        with cli.make_context("olos", args, obj=terminal) as context:
            cli.invoke(context)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    return 0


def _prepare() -> None:
    if sys.stderr is None:  # closed by the caller
        sys.stderr = _nowhere()
    if sys.stdout is None:
        sys.stdout = _nowhere()
        raise InputError("standard output: is closed, and the result has no other place to go")
    for stream in (sys.stdout, sys.stderr):
        # Results are text that can be shown anywhere, also where the locale is not UTF-8.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup(1) ignores SIGHUP, and so it stays
            signal.signal(number, _end)


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _end(number: int, _: FrameType | None) -> None:
    raise Ended(number)


def _show(error: Exception, terminal: Terminal) -> int:
    """Say what went wrong; give the exit code."""
    known = _known(error)
    console = terminal.console
    console.close()
    if known is not None:
        console.error(known.message, known.hint)
        return known.exit_code
    if console.verbose:
        import traceback  # noqa: PLC0415

        console.trace("".join(traceback.format_exception(error)))
    console.error(
        f"internal error: {type(error).__name__}: {error}",
        None if console.verbose else "this is a bug in olos: please report it, with what -v adds to this",
    )
    return OlosError.exit_code


def _known(error: Exception) -> OlosError | None:
    """The error as one of ours, if it is no bug."""
    if isinstance(error, OlosError):
        return error
    if isinstance(error, click.UsageError):
        hint = f"see '{error.ctx.command_path} --help'" if error.ctx else None
        return UsageError(error.format_message(), hint=hint)
    if isinstance(error, click.ClickException):
        return UsageError(error.format_message())
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT:
        what = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return InputError(f"{what}{error.strerror}")
    return None
