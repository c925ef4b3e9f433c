"""`olos keygen`."""

from __future__ import annotations

from pathlib import Path

import click

from measure.sigstruct import mrsigner
from olos_cli import keyfile
from olos_cli.options import FILE, Command, Terminal, pass_terminal
from olos_cli.passphrase import Passphrase, passphrase_options


@click.command("keygen", cls=Command)
@click.option("-o", "--output", metavar="FILE", type=FILE, required=True, help="The key to write.")
@passphrase_options
@pass_terminal
def command(
    terminal: Terminal, output: Path, passphrase_file: Path | None, passphrase_env: str | None
) -> None:
    """Make a key that signs measurements.

    Writes a private RSA key of 3072 bits with exponent 3, as PKCS#8 in PEM,
    which only you can read, and prints its MRSIGNER. It is encrypted if a
    passphrase is given. A file that exists is never overwritten.
    """
    passphrase = Passphrase(passphrase_file, passphrase_env).given()
    key = keyfile.generate()
    keyfile.write_new(output, key.pem(passphrase))
    terminal.console.step(f"wrote {output}{'' if passphrase else ', not encrypted'}")
    terminal.console.result([mrsigner(key.modulus).hex])
