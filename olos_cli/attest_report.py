"""What evidence proves, for people and for programs (`olos-attest-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from measure.evidence.demands import Demands
from measure.evidence.model import Identity, Tee, Value
from measure.evidence.validity import rfc3339
from olos_cli.text import visible

SCHEMA = "olos-attest-report/1"
_TEES: dict[Tee, str] = {
    "snp": "AMD SEV-SNP",
    "tdx": "Intel TDX",
    "sgx": "Intel SGX",
    "nitro": "AWS Nitro Enclaves",
    "simulated": "simulated TEE",
}
_LABEL_WIDTH = 19
_VALUE_WIDTH = 60
_HEX_WIDTH = 48
_MAX_SHOWN = 64
"""Bytes of a value that are shown to people."""


@dataclass(frozen=True)
class Report:
    """Evidence that was verified, what was demanded of it, and the time as of which it was judged."""

    path: str
    identity: Identity
    demands: Demands
    time: datetime

    @property
    def demanded(self) -> tuple[str, ...]:
        """The names of the demands, all of which are met."""
        demands = self.demands
        named = {
            "measurement": demands.measurement,
            "signer": demands.signer,
            "product id": demands.product_id,
            "security version": demands.min_svn,
            "nonce": demands.report_data,
        }
        return (
            *(name for name, value in named.items() if value is not None),
            *(register.name for register in demands.registers),
            *(f"TCB of {name}" for name, _ in demands.min_tcb),
        )

    @property
    def notes(self) -> Iterator[str]:
        """What a reader must not overlook."""
        if self.identity.simulated:
            yield "a simulation: it protects nothing"
        if self.identity.debug:
            yield "debug mode: the host can look into it"
        if self.identity.migratable:
            yield "it may be moved: it is worth as much as its migration agent"
        if self.demands.measurement is None and self.demands.signer is None:
            yield "neither measurement nor signer was demanded: any program can be behind it"
        if self.identity.key is not None:
            yield "anybody may have the certificate: whoever shows it must prove to hold its key"
        elif self.demands.report_data is None:
            yield "no nonce was demanded: this may be a replay"


def as_json(report: Report) -> Iterator[str]:
    """The report for programs."""
    identity = report.identity
    members: dict[str, Any] = {
        "advisories": list(identity.advisories),
        "claims": [{"name": claim.name, "value": claim.value} for claim in identity.claims],
        "debug": identity.debug,
        "key": _value_json(identity.key) if identity.key else None,
        "demanded": list(report.demanded),
        "migratable": identity.migratable,
        "measurement": _value_json(identity.measurement),
        "notes": list(report.notes),
        "path": report.path,
        "product_id": identity.product_id,
        "registers": {value.name: value.data.hex() for value in identity.registers},
        "report_data": _value_json(identity.report_data),
        "schema": SCHEMA,
        "security_version": identity.security_version,
        "signer": _value_json(identity.signer) if identity.signer else None,
        "simulated": identity.simulated,
        "tcb": dict(identity.tcb),
        "tcb_status": identity.tcb_status,
        "tee": identity.tee,
        "time": rfc3339(report.time),
        "valid_from": rfc3339(identity.valid_from) if identity.valid_from else None,
        "valid_until": rfc3339(identity.valid_until) if identity.valid_until else None,
    }
    yield json.dumps(members, indent=2, sort_keys=True)


def _value_json(value: Value) -> dict[str, str]:
    return {"name": value.name, "value": value.data.hex()}


def as_text(report: Report) -> Iterator[str]:
    """The report for people: the verdict in a line, and below it what was proven."""
    identity = report.identity
    yield from _row("genuine", f"evidence of {_TEES[identity.tee]}")
    if report.demanded:
        yield from _row("as demanded", ", ".join(report.demanded))
    for note in report.notes:
        yield from _row("note", note)
    yield ""
    yield from _row("measurement", identity.measurement.data.hex())
    yield from _row("", f"({identity.measurement.name})")
    if identity.signer:
        yield from _row("signer", identity.signer.data.hex())
        yield from _row("", f"({identity.signer.name})")
    if identity.key:
        yield from _row("key", identity.key.data.hex())
    yield from _numbers(identity)
    yield from _value_rows(identity)
    for claim in identity.claims:
        yield from _row(claim.name, claim.value)


def _numbers(identity: Identity) -> Iterator[str]:
    if identity.product_id is not None:
        yield from _row("product id", str(identity.product_id))
    if identity.security_version is not None:
        yield from _row("security version", str(identity.security_version))
    yield from _row("debug", "yes" if identity.debug else "no")
    if identity.tcb:
        yield from _row("TCB", ", ".join(f"{name} {number}" for name, number in identity.tcb))
    if identity.tcb_status is not None:
        yield from _row("TCB status", identity.tcb_status)
    if identity.advisories:
        yield from _row("advisories", ", ".join(identity.advisories))
    if identity.valid_from and identity.valid_until:
        yield from _row("valid", f"{rfc3339(identity.valid_from)} to {rfc3339(identity.valid_until)}")


def _value_rows(identity: Identity) -> Iterator[str]:
    """Report data and registers; those that are zero in one line."""
    zero = []
    for value in (identity.report_data, *identity.registers):
        if not any(value.data):
            zero.append(value.name)
        elif len(value.data) > _MAX_SHOWN:
            yield from _row(value.name, f"{value.data[:_MAX_SHOWN].hex()}… ({len(value.data)} bytes)")
        else:
            yield from _row(value.name, value.data.hex())
    if zero:
        yield from _row("zero or empty", ", ".join(zero))


def _row(name: str, text: str) -> Iterator[str]:
    """A name and a value, on as many lines as it takes."""
    label = visible(name)
    for line in _folded(visible(text)):
        yield f"{label:{_LABEL_WIDTH}} {line}".rstrip()
        label = ""


def _folded(text: str) -> list[str]:
    """The text in lines: at blanks if there are some, else digits in lines of one length."""
    words, lines = text.split(" "), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _VALUE_WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
        while len(lines[-1]) > _VALUE_WIDTH:
            lines[-1:] = [lines[-1][:_HEX_WIDTH], lines[-1][_HEX_WIDTH:]]
    return lines
