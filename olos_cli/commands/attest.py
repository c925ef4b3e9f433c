"""`olos attest`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from measure.evidence.demands import TCB_STATUSES, Demands
from measure.evidence.formats import SIZE_LIMIT, verify
from measure.evidence.model import File, Value
from olos.errors import UsageError
from olos.files import read_limited
from olos_cli import attest_report, attest_values
from olos_cli.options import FILE, Command, Terminal, format_option, pass_terminal, terminal_options
from pack import sim_root

_MAX_FILES = 16


@dataclass(frozen=True, kw_only=True)
class _Call:
    """What was typed."""

    path: Path
    collateral: tuple[Path, ...]
    root: tuple[Path, ...]
    measurement: bytes | None
    signer: bytes | None
    min_svn: int | None
    product_id: int | None
    nonce: bytes | None
    register: tuple[Value, ...]
    min_tcb: tuple[tuple[str, int], ...]
    accept_tcb: tuple[str, ...]
    allow_debug: bool
    allow_migration: bool
    allow_simulated: bool
    time: datetime
    output_format: str

    @property
    def demands(self) -> Demands:
        return Demands(
            measurement=self.measurement,
            signer=self.signer,
            product_id=self.product_id,
            min_svn=self.min_svn,
            report_data=self.nonce,
            registers=self.register,
            min_tcb=self.min_tcb,
            tcb_statuses=TCB_STATUSES | frozenset(self.accept_tcb),
            allow_debug=self.allow_debug,
            allow_migration=self.allow_migration,
            allow_simulated=self.allow_simulated,
        )


@click.group("attest", params=terminal_options(), no_args_is_help=False)
def command() -> None:
    """Verify attestation evidence."""


@command.command("verify", cls=Command)
@click.argument("path", metavar="CERT|EVIDENCE", type=FILE)
@click.option(
    "--collateral",
    metavar="FILE",
    type=FILE,
    multiple=True,
    help="Certificates or other documents that the evidence needs.",
)
@click.option("--root", metavar="FILE", type=FILE, multiple=True, help="Trust this root, not the maker's.")
@click.option("--measurement", metavar="HEX", callback=attest_values.digest, help="Demand this measurement.")
@click.option("--signer", metavar="HEX", callback=attest_values.digest, help="Demand this signer.")
@click.option("--min-svn", metavar="N", type=click.IntRange(min=0), help="Demand this security version.")
@click.option("--product-id", metavar="N", type=click.IntRange(min=0), help="Demand this product id.")
@click.option("--nonce", metavar="HEX", callback=attest_values.digits, help="Demand this report data.")
@click.option(
    "--register",
    metavar="NAME=HEX",
    multiple=True,
    callback=attest_values.registers,
    help="Demand another value, as PCR4=HEX.",
)
@click.option(
    "--min-tcb",
    metavar="NAME=N",
    multiple=True,
    callback=attest_values.numbers,
    help="Demand a version of the platform, as snp=8.",
)
@click.option("--accept-tcb", metavar="STATUS", multiple=True, help="Accept this TCB status as well.")
@click.option("--allow-debug", is_flag=True, help="Accept what the host can look into.")
@click.option("--allow-migration", is_flag=True, help="Accept what an agent may move.")
@click.option("--allow-simulated", is_flag=True, help="Accept what is no hardware.")
@click.option(
    "--time", metavar="RFC3339", callback=attest_values.moment, help="Judge as of this time (default: now)."
)
@format_option
@pass_terminal
def verify_command(terminal: Terminal, /, **given: Any) -> None:
    """Verify that evidence is genuine and says what is demanded.

    CERT is a certificate with evidence inside, PEM or DER. EVIDENCE is an
    attestation report, document or quote, binary, in hexadecimal digits or in
    base64. Nothing is downloaded. Exit code 5: it is not genuine, has expired,
    or says something else. docs/attestation.md says what needs which
    collateral, and what is checked.
    """
    call = _Call(**given)
    if len(call.collateral) + len(call.root) > _MAX_FILES:
        raise UsageError(f"more than {_MAX_FILES} files of collateral and roots")
    identity = verify(
        _file(call.path),
        call.demands,
        collateral=tuple(map(_file, call.collateral)),
        roots=tuple(map(_file, call.root)),
        time=call.time,
    )
    report = attest_report.Report(str(call.path), identity, call.demands, call.time)
    as_lines = attest_report.as_json if call.output_format == "json" else attest_report.as_text
    terminal.console.result(as_lines(report))


def _file(path: Path) -> File:
    return File(str(path), read_limited(path, SIZE_LIMIT))


@command.command("root", cls=Command)
@pass_terminal
def root_command(terminal: Terminal) -> None:
    """Print the root certificate of your simulated TEE, PEM.

    That is what 'olos attest verify --root' wants for evidence of packages that
    you run on this machine. Its key is OLOS_SIM_ROOT if that is set, else a file
    of yours that is made on first use. './app.olos --olos-sim-root' does the
    same without olos.
    """
    terminal.console.result(sim_root.certificate().splitlines())
