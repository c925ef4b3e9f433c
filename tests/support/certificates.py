"""Certificates of authorities that nobody knows, of any kind and with any defect."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Party:
    """Somebody with a key and a certificate (DER)."""

    name: str
    key: CertificateIssuerPrivateKeyTypes
    der: bytes = b""

    @property
    def pem(self) -> bytes:
        return x509.load_der_x509_certificate(self.der).public_bytes(serialization.Encoding.PEM)


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name."""
    return rsa.generate_private_key(65537, 3072)


@functools.cache
def ec_key(name: str, curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePrivateKey:
    """One key for each name."""
    return ec.generate_private_key(curve())


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a certificate says."""

    start: datetime = TIME - DAY
    end: datetime = TIME + DAY
    ca: bool | None = True
    path_length: int | None = None
    key_usage: bool | None = True
    """Whether it may sign certificates; None leaves the extension out."""
    extensions: Mapping[str, bytes] = field(default_factory=dict)
    critical: bool = False
    digest: hashes.SHA256 | hashes.SHA384 = field(default_factory=hashes.SHA384)
    salt: int = 48


def issue(
    name: str, key: CertificateIssuerPrivateKeyTypes, issuer: Party | None = None, terms: Terms | None = None
) -> Party:
    """A certificate, self-signed if there is no issuer."""
    terms = terms or Terms()
    signer = issuer or Party(name, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(signer.name))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(terms.start)
        .not_valid_after(terms.end)
    )
    if terms.ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(terms.ca, terms.path_length), critical=True)
    if terms.key_usage is not None:
        usage = [not terms.key_usage, False, False, False, False, terms.key_usage, False, False, False]
        builder = builder.add_extension(x509.KeyUsage(*usage), critical=True)
    for oid, value in terms.extensions.items():
        unrecognised = x509.UnrecognizedExtension(ObjectIdentifier(oid), value)
        builder = builder.add_extension(unrecognised, critical=terms.critical)
    pss = padding.PSS(padding.MGF1(terms.digest), terms.salt)
    scheme = pss if isinstance(signer.key, rsa.RSAPrivateKey) else None
    certificate = builder.sign(signer.key, terms.digest, rsa_padding=scheme)
    return Party(name, key, certificate.public_bytes(serialization.Encoding.DER))


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def tlv(tag: int, content: bytes) -> bytes:
    """An element in DER."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def rewritten(party: Party, issuer: Party, changes: Mapping[bytes, bytes]) -> Party:
    """The certificate with other bytes in it, and a new signature (ECDSA with SHA-384 by the issuer)."""
    tbs = x509.load_der_x509_certificate(party.der).tbs_certificate_bytes
    body = tbs[4:]
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    for old, new in changes.items():
        assert old in body
        body = body.replace(old, new, 1)
        if old == algorithm:
            algorithm = new
    tbs = tlv(0x30, body)
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA384()))
    return replace(party, der=tlv(0x30, tbs + algorithm + tlv(3, b"\0" + signature)))
