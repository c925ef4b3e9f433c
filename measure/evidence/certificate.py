"""Attested certificates (docs/formats.md section 14): evidence in an extension, and its key bound by it.

A self-signed X.509 certificate whose extension holds a conceptual message (RFC 9999, section 4): evidence.
The report data of the evidence is the digest of the certificate's key, so that only this environment can
have made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence import cbor, x509
from measure.evidence.model import File, Identity
from measure.evidence.signatures import verify_x509
from measure.evidence.simulated import MEDIA_TYPE
from measure.evidence.validity import check_validity
from olos.errors import InputError, MismatchError

EXTENSION = "2.23.133.5.4.9"
"""tcg-dice-conceptual-message-wrapper (TCG DICE Attestation Architecture, section 6.1.5)."""
_EXTENSION_DER = bytes.fromhex("0606678105050409")
_PEM = b"-----BEGIN CERTIFICATE-----"
_EVIDENCE = 4
"""The conceptual message is evidence (RFC 9999, section 3.3.1)."""
_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "secp256r1": lambda data: hashlib.sha256(data).digest(),
    "secp384r1": lambda data: hashlib.sha384(data).digest(),
}


@dataclass(frozen=True)
class Attested:
    """A certificate that was read, and the evidence in it. Neither is believed yet."""

    certificate: x509.Certificate
    evidence: File

    @property
    def key_digest(self) -> bytes:
        """What the report data of the evidence must begin with. Raises InputError for other kinds of keys."""
        key = self.certificate.key
        digest = _DIGESTS.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
        if digest is None:
            raise InputError(f"{self.certificate.where}: has a key that is neither P-256 nor P-384")
        return digest(self.certificate.spki)


def is_certificate(data: bytes) -> bool:
    """Whether the bytes claim to be an attested certificate, PEM or DER."""
    return (_PEM in data and b"\0" not in data) or (data[:1] == b"\x30" and _EXTENSION_DER in data)


def read(file: File) -> Attested:
    """Read an attested certificate. Raises InputError if it is none."""
    certificates = x509.load_certificates(file)
    if len(certificates) != 1:
        raise InputError(f"{file.name}: has {len(certificates)} certificates, expected one")
    (certificate,) = certificates
    extension = certificate.extensions.get(EXTENSION)
    if extension is None:
        raise InputError(
            f"{file.name}: is a certificate without evidence",
            hint=f"an attested certificate has it in the extension {EXTENSION}",
        )
    return Attested(certificate, File(f"{file.name}: evidence", _evidence(extension.value, file.name)))


def check_certificate(attested: Attested, identity: Identity, time: datetime) -> None:
    """Check the certificate around evidence that is genuine.

    Raises MismatchError if it is not signed by itself, not valid at this time, or not that of the evidence.
    """
    certificate = attested.certificate
    check_validity(
        f"check 'validity': {certificate.where}", certificate.not_before, certificate.not_after, time
    )
    signed = verify_x509(
        certificate.key,
        certificate.signature_algorithm,
        certificate.signature,
        certificate.tbs,
        certificate.where,
    )
    if certificate.issuer != certificate.subject or not signed:
        raise MismatchError.of(
            f"check 'certificate signature': {certificate.where}",
            expected="a signature by its own key",
            actual="a signature that is not by this key, or not of this certificate",
        )
    expected = attested.key_digest.ljust(len(identity.report_data.data), b"\0")
    if identity.report_data.data != expected:
        raise MismatchError.of(
            f"check 'key': {certificate.where} ({identity.report_data.name})",
            expected=f"the digest of its key, {expected.hex()}",
            actual=identity.report_data.data.hex(),
            hint="the evidence was made for another key",
        )


def _evidence(value: bytes, where: str) -> bytes:
    match cbor.decode(value, f"{where}: extension {EXTENSION}"):
        case (str(kind), bytes(evidence), int(indicator)) if (kind, indicator) == (MEDIA_TYPE, _EVIDENCE):
            return evidence
    raise InputError(f"{where}: extension {EXTENSION}: is no evidence of type {MEDIA_TYPE}")
