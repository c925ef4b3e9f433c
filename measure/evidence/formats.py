"""The formats of evidence, and the one call that verifies any of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from measure.evidence import certificate
from measure.evidence.dcap import DCAP
from measure.evidence.demands import Demands, check_demands, check_simulation
from measure.evidence.model import Evidence, File, Identity, Value
from measure.evidence.nitro import NITRO
from measure.evidence.simulated import SIMULATED
from measure.evidence.snp import SNP
from measure.evidence.textual import binary
from olos.errors import InputError

SIZE_LIMIT = 1 << 20
"""No evidence, and no file beside it, is larger."""

FORMATS: tuple[Evidence, ...] = (SNP, NITRO, DCAP, SIMULATED)
"""All formats. None of them recognises what another one does."""


def verify(
    evidence: File,
    demands: Demands,
    *,
    collateral: tuple[File, ...] = (),
    roots: tuple[File, ...] = (),
    time: datetime,
) -> Identity:
    """Verify evidence, or the certificate that it is in, and compare it with the demands.

    Evidence may be of any known format, binary, hexadecimal or base64; an attested certificate PEM or DER.
    `time` is the present one, aware, unless evidence is to be judged as of another. Returns what is proven.
    Raises InputError for what is malformed or unknown, MismatchError for what is not genuine, has expired or
    does not meet the demands; UsageError, from `Demands` itself, for demands that mean nothing.
    """
    for file in (evidence, *collateral, *roots):
        if len(file.data) > SIZE_LIMIT:
            raise InputError(f"{file.name}: has more than {SIZE_LIMIT} bytes")
    attested = certificate.read(evidence) if certificate.is_certificate(evidence.data) else None
    plain = attested.evidence if attested else File(evidence.name, binary(evidence.data))
    known = format_of(plain)
    check_simulation(known is SIMULATED, demands)
    identity = known.verify(plain, collateral=collateral, roots=roots, time=time)
    if attested:
        certificate.check_certificate(attested, identity, time)
        identity = replace(identity, key=Value("key", attested.key_digest))
    check_demands(identity, demands)
    return identity


def format_of(evidence: File) -> Evidence:
    """The format of binary evidence. Raises InputError if no format recognises it."""
    for known in FORMATS:
        if known.recognises(evidence.data):
            return known
    names = "; ".join(known.name for known in FORMATS)
    raise InputError(f"{evidence.name}: is no evidence of a known format", hint=f"known are: {names}")
