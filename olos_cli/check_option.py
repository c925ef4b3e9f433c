"""The option `--check [N]`: a number behind it is its value, anything else is the next argument."""

from __future__ import annotations

import re

import click

from olos_cli.options import Command

MAX_TIMES = 100
_NAME = "--check"
_ONCE = "1"

check_option = click.option(
    _NAME,
    metavar="[N]",
    is_flag=False,
    flag_value=_ONCE,
    type=click.IntRange(1, MAX_TIMES),
    help="Build N more times (default: 1), each under another clock and more, and compare.",
)


class CheckCommand(Command):
    """A command with `--check`. click would take `--check Dockerfile` for a wrong number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _spelt_out(args))


def _spelt_out(args: list[str]) -> list[str]:
    """The arguments with the number, given or not, as `--check=N`."""
    result: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*result, word, *words]
        if result[-1:] == [_NAME]:
            is_number = re.fullmatch(r"[0-9]+", word)
            result[-1] = f"{_NAME}={word if is_number else _ONCE}"
            if is_number:
                continue
        result.append(word)
    return [f"{_NAME}={_ONCE}" if word == _NAME else word for word in result]
