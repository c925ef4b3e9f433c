"""Where the passphrase of a key comes from: a file, the environment, or the person at the terminal."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from olos.errors import InputError, UsageError
from olos.files import read_limited
from olos_cli.options import FILE

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMIT = 1 << 16
MAX_BYTES = 1023
"""What OpenSSL takes, so that every passphrase works there as well."""


@dataclass(frozen=True)
class Passphrase:
    """The options that were given."""

    file: Path | None
    variable: str | None

    def __post_init__(self) -> None:
        if self.file is not None and self.variable is not None:
            raise UsageError("--passphrase-file and --passphrase-env cannot be used together")

    def given(self) -> bytes | None:
        """The passphrase that the options name, or None without any. Raises InputError."""
        if self.file is not None:
            return _checked(read_limited(self.file, _LIMIT).split(b"\n", 1)[0].removesuffix(b"\r"), self.file)
        if self.variable is not None:
            if self.variable not in os.environ:
                raise InputError(f"{self.variable}: is not in the environment")
            return _checked(os.fsencode(os.environ[self.variable]), self.variable)
        return None

    def ask(self) -> bytes | None:
        """The same, but without options the person at the terminal is asked, if there is one."""
        given = self.given()
        if given is None and sys.stdin is not None and sys.stdin.isatty():
            return _typed()
        return given


def passphrase_options(function: _F) -> _F:
    """--passphrase-file and --passphrase-env."""
    for option in (
        click.option("--passphrase-env", metavar="NAME", help="The variable with the key's passphrase."),
        click.option(
            "--passphrase-file", metavar="FILE", type=FILE, help="Its first line is the key's passphrase."
        ),
    ):
        function = option(function)
    return function


def _typed() -> bytes | None:
    # Not click.prompt: it takes Ctrl-C for an error of its own.
    try:
        return _checked(os.fsencode(getpass.getpass("passphrase: ")), "the terminal")
    except EOFError:
        return None
    except UnicodeError as exc:
        raise InputError("the terminal: the passphrase is not text in the encoding of the locale") from exc


def _checked(passphrase: bytes, where: Path | str) -> bytes:
    if not passphrase:
        raise InputError(f"{where}: the passphrase is empty")
    if len(passphrase) > MAX_BYTES:
        raise InputError(f"{where}: a passphrase of more than {MAX_BYTES} bytes")
    return passphrase
