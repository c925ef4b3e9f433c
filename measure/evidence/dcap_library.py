"""The library dcap-qvl, which verifies signatures, revocation and TCB of DCAP quotes.

The one place that knows it. It is loaded when the first quote is verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from measure.evidence.dcap_collateral import Collateral
from measure.evidence.dcap_quote import Quote
from olos.errors import InputError, MismatchError, MissingToolError

_MAX_MESSAGE = 300
_DEBUG_HINT = "dcap-qvl verifies no quote of a debug enclave or TD: --allow-debug changes nothing"

_CHECKS = (
    ("CertRevoked", "revocation", "certificates that Intel has not revoked"),
    ("InvalidCrlSignature", "revocation", "revocation lists that their issuers signed"),
    ("UnknownRevocationStatus", "revocation", "revocation lists of all issuers"),
    ("Signature is invalid for tcb_info", "TCBInfo signature", "a signature by Intel's TCB signing key"),
    (
        "Signature is invalid for qe_identity",
        "QE identity signature",
        "a signature by Intel's TCB signing key",
    ),
    ("Signature is invalid for qe_report", "QE report signature", "a signature by the PCK"),
    ("QE report hash mismatch", "attestation key", "the key that the quoting enclave reports"),
    ("QE ", "quoting enclave", "the quoting enclave of the QE identity"),
    ("report signature is invalid", "signature", "a signature by the attestation key"),
    ("Debug mode", "debug", "an environment that nobody can look into"),
    ("SEPT_VE_DISABLE", "TD attributes", "SEPT_VE_DISABLE, without which the host can mislead the TD"),
    ("migration", "TD attributes", "a TD that cannot be moved to another platform"),
    ("TD attributes", "TD attributes", "no reserved bits"),
    ("TDX module", "TDX module", "a TDX module of the TCBInfo"),
    ("No matching TCB level", "TCB level", "a platform no older than the oldest level of the TCBInfo"),
    ("TCB status is invalid", "TCB status", "a TCB that Intel has not revoked"),
)
"""What the library says, which check that is, and what it expects. The first that fits counts."""


@dataclass(frozen=True)
class Verdict:
    """What Intel says of the TCB, once all signatures hold."""

    tcb_status: str
    advisories: tuple[str, ...]


@dataclass(frozen=True)
class Platform:
    """What a PCK certificate says in its SGX extensions."""

    fmspc: bytes
    pce_id: bytes
    pce_svn: int
    cpu_svn: bytes
    ppid: bytes


def platform_of(quote: Quote, where: str) -> Platform:
    """The platform of the PCK certificate. Raises InputError if it has no SGX extensions."""
    try:
        found = _library().parse_pck_extension_from_pem(quote.pck_chain)
    except ValueError as exc:
        raise InputError(f"{where}: the PCK certificate has no SGX extensions: {_message(exc)}") from exc
    return Platform(found.fmspc, found.pce_id, found.pce_svn, found.cpu_svn, found.ppid)


def verify(quote: Quote, collateral: Collateral, root: bytes, time: int, where: str) -> Verdict:
    """Verify a quote at a time (seconds since 1970) under a root (DER).

    Raises MismatchError for a check that fails, InputError for what cannot be read, and MissingToolError if
    the library is not installed.
    """
    library = _library()
    # No PCK chain in the collateral: the library would take it in place of the quote's.
    given = library.QuoteCollateralV3(
        pck_crl_issuer_chain=collateral.pck_crl_issuer_chain,
        root_ca_crl=collateral.root_ca_crl,
        pck_crl=collateral.pck_crl,
        tcb_info_issuer_chain=collateral.tcb_info.issuer_chain,
        tcb_info=collateral.tcb_info.text,
        tcb_info_signature=collateral.tcb_info.signature,
        qe_identity_issuer_chain=collateral.qe_identity.issuer_chain,
        qe_identity=collateral.qe_identity.text,
        qe_identity_signature=collateral.qe_identity.signature,
    )
    try:
        found = library.verify_with_root_ca(quote.data, given, root, time)
    except ValueError as exc:
        raise _refusal(_message(exc), where) from exc
    return Verdict(found.status, tuple(found.advisory_ids))


def _library() -> ModuleType:
    try:
        return import_module("dcap_qvl")
    except ImportError as exc:
        raise MissingToolError(
            "quotes of Intel SGX and TDX are verified by the library dcap-qvl, which is not installed",
            hint="install it: pip install 'dcap-qvl>=0.7'",
        ) from exc


def _message(exc: ValueError) -> str:
    """What the library says, on one line."""
    return " ".join(str(exc).removeprefix("Verification failed: ").split())[:_MAX_MESSAGE]


def _refusal(message: str, where: str) -> InputError | MismatchError:
    for needle, check, expected in _CHECKS:
        if needle in message:
            hint = _DEBUG_HINT if check == "debug" else None
            return MismatchError.of(f"check '{check}': {where}", expected=expected, actual=message, hint=hint)
    if "Failed to decode" in message or "Failed to parse" in message:
        return InputError(f"{where}: {message}")
    return MismatchError.of(
        f"check 'DCAP': {where}", expected="a quote and collateral that hold", actual=message
    )
