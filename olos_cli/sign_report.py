"""What `olos sign` did, for people and for programs (`olos-sign-report/1`)."""

from __future__ import annotations

import json
from typing import Any

from measure.layout import Measured
from measure.sigstruct import Statement
from olos.digest import Digest
from olos_cli.signing import Signed, ToBeSigned

SCHEMA = "olos-sign-report/1"


def signed_json(signed: Signed) -> str:
    """A signature, for programs."""
    members = _members(signed.measured, signed.sigstruct.statement)
    return _text({**members, "output": str(signed.output), "signer": signed.sigstruct.signer.hex})


def to_be_signed_json(written: ToBeSigned) -> str:
    """What is to be signed elsewhere, for programs."""
    members = _members(written.measured, written.statement)
    digest = to_be_signed_digest(written).hex
    return _text({**members, "output": str(written.output), "signer": None, "to_be_signed_sha256": digest})


def to_be_signed_digest(written: ToBeSigned) -> Digest:
    """What `sha256sum` says of the bytes to be signed, so that the offline side can compare."""
    return Digest.sha256(written.statement.encode())


def _members(measured: Measured, statement: Statement) -> dict[str, Any]:
    return {
        "date": statement.date,
        "debug": statement.debug,
        "measurement": measured.measurement.hex,
        "path": str(measured.layout.origin),
        "product_id": statement.product_id,
        "schema": SCHEMA,
        "security_version": statement.security_version,
    }


def _text(members: dict[str, Any]) -> str:
    return json.dumps(members, indent=2, sort_keys=True)
