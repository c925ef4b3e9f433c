"""`olos sign`."""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from measure.sigstruct import is_date
from olos.errors import InputError, UsageError
from olos_cli import keyfile, signing
from olos_cli.options import FILE, Command, Terminal, format_option, layout_argument, pass_terminal
from olos_cli.passphrase import Passphrase, passphrase_options
from olos_cli.sign_report import signed_json, to_be_signed_digest, to_be_signed_json

_EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
_SECONDS = re.compile("[0-9]{1,12}")
_MAX_EPOCH = 253402300799  # 9999-12-31 23:59:59
_WAYS = "use --key; or --write-tbs; or --tbs, --signature and --public-key together"


@dataclass(frozen=True, kw_only=True)
class _Call:
    """The arguments of a call."""

    path: Path
    key: Path | None
    passphrase_file: Path | None
    passphrase_env: str | None
    date: str | None
    write_tbs: Path | None
    tbs: Path | None
    signature: Path | None
    public_key: Path | None
    output: Path | None
    output_format: str

    @property
    def passphrase(self) -> Passphrase:
        return Passphrase(self.passphrase_file, self.passphrase_env)


@click.command("sign", cls=Command)
@layout_argument()
@click.option("--key", metavar="FILE", type=FILE, help="The private key, as 'olos keygen' makes it.")
@passphrase_options
@click.option("--date", metavar="YYYY-MM-DD", help="The date to be signed (default: today, UTC).")
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Write the signature to FILE, not into PATH.")
@click.option("--write-tbs", metavar="FILE", type=FILE, help="Write the bytes to be signed, and stop.")
@click.option("--tbs", metavar="FILE", type=FILE, help="The bytes that were signed elsewhere.")
@click.option("--signature", metavar="FILE", type=FILE, help="The signature made elsewhere, 384 bytes.")
@click.option("--public-key", metavar="FILE", type=FILE, help="The public key of whoever made it.")
@format_option
@pass_terminal
def command(terminal: Terminal, /, **given: Any) -> None:
    """Sign the measurement of a layout or package.

    Measures PATH, signs the value with product id, security version and debug
    flag of the policy (SGX SIGSTRUCT), and puts the signature into PATH. The
    measurement stays what it is; an old signature is replaced. Prints MRSIGNER,
    which stands for the key.

    With a key that is kept elsewhere, in two steps:

    \b
    olos sign PATH --write-tbs FILE        the bytes to be signed
    openssl dgst -sha256 -sign key.pem -out SIG FILE
    olos sign PATH --tbs FILE --signature SIG --public-key pub.pem
    """
    call = _Call(**given)
    _check(call)
    if call.write_tbs is not None:
        written = signing.write_to_be_signed(call.path, _date(call), call.write_tbs, terminal.console)
        terminal.console.step(f"wrote the bytes to be signed to {written.output}, with their SHA-256:")
        text = to_be_signed_digest(written).hex
        terminal.console.result([to_be_signed_json(written) if call.output_format == "json" else text])
        return
    signed = _signed(call, terminal)
    terminal.console.step(f"wrote the signature to {signed.output}; the signer (MRSIGNER) is:")
    text = signed.sigstruct.signer.hex
    terminal.console.result([signed_json(signed) if call.output_format == "json" else text])


def _signed(call: _Call, terminal: Terminal) -> signing.Signed:
    if call.key is not None:
        date = _date(call)
        key = keyfile.load_private(call.key, call.passphrase.ask)
        return signing.sign(call.path, key, date, call.output, terminal.console)
    assert call.tbs is not None
    assert call.signature is not None
    assert call.public_key is not None
    modulus = keyfile.load_public_modulus(call.public_key)
    offline = signing.Offline(call.tbs, call.signature, modulus)
    return signing.attach(call.path, offline, call.output, terminal.console)


def _check(call: _Call) -> None:
    """One of the three ways, with the options that belong to it, and no output over an input."""
    offline = (call.tbs, call.signature, call.public_key)
    ways = (call.key is not None, call.write_tbs is not None, any(offline))
    if sum(ways) != 1 or (any(offline) and not all(offline)):
        raise UsageError("it does not say with what to sign", hint=_WAYS)
    if call.date is not None and call.tbs is not None:
        raise UsageError(
            "--date and --tbs cannot be used together", hint="the date is among the signed bytes"
        )
    if call.output is not None and call.write_tbs is not None:
        raise UsageError("--output and --write-tbs cannot be used together")
    if call.key is None and (call.passphrase_file is not None or call.passphrase_env is not None):
        raise UsageError("a passphrase is for --key only")
    for output in filter(None, (call.output, call.write_tbs)):
        for source in filter(None, (call.path, call.key, *offline)):
            if os.path.realpath(output) == os.path.realpath(source):
                raise UsageError(f"{output}: would be overwritten", hint="name another file")


def _date(call: _Call) -> str:
    if call.date is not None:
        if not is_date(call.date):
            raise UsageError(f"--date {call.date}: is no day of the form YYYY-MM-DD")
        return call.date
    epoch = os.environ.get(_EPOCH_VARIABLE)
    if not epoch:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    if not _SECONDS.fullmatch(epoch) or int(epoch) > _MAX_EPOCH:
        raise InputError(f"{_EPOCH_VARIABLE}={epoch[:80]}: is no number of seconds since 1970")
    return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date().isoformat()
