"""Signatures of COSE_Sign1 messages (RFC 9052, section 4.4)."""

from __future__ import annotations

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def signature_of(key: CertificateIssuerPrivateKeyTypes, protected: bytes, payload: bytes) -> bytes:
    """ES384 over a protected header and a payload."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA384())))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")
