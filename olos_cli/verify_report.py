"""What `olos verify` checked, for people and for programs (`olos-verify-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from measure.sigstruct import Sigstruct
from olos_cli.text import table, visible
from olos_cli.verification import Verified

SCHEMA = "olos-verify-report/1"


def as_json(verified: Verified) -> str:
    """The report for programs. What did not hold has no report: it is an error."""
    layout, demands, policy = verified.measured.layout, verified.demands, verified.measured.manifest.policy
    return json.dumps(
        {
            "debug": policy.debug,
            "demanded": {
                "measurement": demands.measurement is not None,
                "min_security_version": demands.min_security_version,
                "reference": None if demands.reference is None else str(demands.reference),
                "signer": demands.signer is not None,
            },
            "kind": "package" if layout.packed else "layout",
            "measurement": verified.measured.measurement.hex,
            "path": str(layout.origin),
            "product_id": policy.product_id,
            "schema": SCHEMA,
            "security_version": policy.security_version,
            "signature": _signature_json(verified),
        },
        indent=2,
        sort_keys=True,
    )


def _signature_json(verified: Verified) -> dict[str, Any] | None:
    if verified.sigstruct is None:
        return None
    file = verified.demands.signature
    return {
        "date": verified.sigstruct.statement.date,
        "embedded": file is None,
        "path": None if file is None else str(file),
        "signer": verified.sigstruct.signer.hex,
    }


def as_text(verified: Verified) -> Iterator[str]:
    """The report for people: the measurement, and below it what holds."""
    yield verified.measured.measurement.hex
    yield from table(list(_rows(verified)))


def _rows(verified: Verified) -> Iterator[tuple[str, str]]:
    demands, policy = verified.demands, verified.measured.manifest.policy
    yield "components", "are those of the manifest"
    if verified.measured.layout.packed:
        yield "package", "has no byte that this version of olos would not write"
    if demands.measurement is not None:
        yield "measurement", "is the one demanded"
    if demands.reference is not None:
        yield "reference", f"same measurement as in {visible(str(demands.reference))}"
    if demands.min_security_version is not None:
        yield "version", f"{policy.security_version} is at least {demands.min_security_version}"
    if verified.sigstruct is not None:
        yield from _signature_rows(verified, verified.sigstruct)
    if demands.measurement is None and demands.reference is None and demands.signer is None:
        yield "origin", "not checked: no measurement, reference or signer was demanded"


def _signature_rows(verified: Verified, sigstruct: Sigstruct) -> Iterator[tuple[str, str]]:
    statement, file = sigstruct.statement, verified.demands.signature
    kind = "debug" if statement.debug else "production"
    yield "signature", f"valid, {'embedded' if file is None else visible(str(file))}"
    versions = f"product {statement.product_id}, security version {statement.security_version}"
    yield "signed as", f"{versions}, {kind}, on {statement.date}"
    yield "signer", sigstruct.signer.hex
    if verified.demands.signer is not None:
        yield "", "is the one demanded"
