"""Signatures, and the algorithm identifiers that certificates use for them (RFC 4055, RFC 5758).

Only what the makers of hardware use: ECDSA with SHA-256 or SHA-384, and RSASSA-PSS with SHA-384.
"""

from __future__ import annotations

from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from measure.evidence import der
from olos.errors import InputError

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_ECDSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
}
_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_SHA384 = "2.16.840.1.101.3.4.2.2"
_SALT_LENGTH = 48
_CURVES = ("secp256r1", "secp384r1")
_RSA_BITS = range(3072, 8193)


def load_key(spki: bytes, where: str) -> PublicKey:
    """A public key from a SubjectPublicKeyInfo. Raises InputError for a kind or size that is not used."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InputError(f"{where}: has no public key that can be read") from exc
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    raise InputError(f"{where}: has a public key of a kind or size that is not used for evidence")


def verify_x509(key: PublicKey, algorithm: bytes, signature: bytes, data: bytes, where: str) -> bool:
    """Whether a signature of this AlgorithmIdentifier is that of the key.

    Raises InputError if the algorithm is none of those above.
    """
    name, parameters = _identifier(algorithm, where)
    try:
        if name in _ECDSA and parameters in (b"", b"\x05\x00"):  # some encoders write a NULL
            return isinstance(key, ec.EllipticCurvePublicKey) and _verified_ecdsa(
                key, signature, data, _ECDSA[name]
            )
        if name == _PSS and _is_sha384_pss(parameters, where):
            return isinstance(key, rsa.RSAPublicKey) and _verified_pss(key, signature, data)
    except UnsupportedAlgorithm as exc:
        raise InputError(f"{where}: this installation cannot check its signature") from exc
    raise InputError(f"{where}: is signed by an algorithm ({name}) that is not used for evidence")


def verify_raw_p384(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether r and s, 48 bytes each, big-endian, are an ECDSA signature with SHA-384 by a P-384 key."""
    if (
        not isinstance(key, ec.EllipticCurvePublicKey)
        or key.curve.name != "secp384r1"
        or len(signature) != 96
    ):
        return False
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    return _verified_ecdsa(key, encode_dss_signature(r, s), data, hashes.SHA384())


def same_algorithm(one: bytes, other: bytes, where: str) -> bool:
    """Whether two AlgorithmIdentifiers mean the same, whether or not one of them has a NULL."""
    first, second = _identifier(one, where), _identifier(other, where)
    return one == other or (first[0] == second[0] and {first[1], second[1]} <= {b"", b"\x05\x00"})


def _verified_ecdsa(
    key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes, algorithm: hashes.HashAlgorithm
) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _verified_pss(key: rsa.RSAPublicKey, signature: bytes, data: bytes) -> bool:
    sha = hashes.SHA384()
    try:
        key.verify(signature, data, padding.PSS(padding.MGF1(sha), _SALT_LENGTH), sha)
    except InvalidSignature:
        return False
    return True


def _identifier(algorithm: bytes, where: str) -> tuple[str, bytes]:
    """The OID of an AlgorithmIdentifier, and the encoding of its parameters."""
    parts = der.elements(der.single(algorithm, der.SEQUENCE, where).content, where)
    if len(parts) not in (1, 2):
        raise InputError(f"{where}: has an algorithm identifier of {len(parts)} parts")
    return der.oid(parts[0], where), parts[1].raw if len(parts) == 2 else b""


def _is_sha384_pss(parameters: bytes, where: str) -> bool:
    """Whether RSASSA-PSS-params (RFC 4055, section 3.1) say SHA-384, MGF1 with it, salt 48, trailer 1."""
    parts = der.elements(der.single(parameters, der.SEQUENCE, where).content, where)
    found = {part.tag: part.content for part in parts}
    if len(found) != len(parts) or not {der.context(i) for i in range(3)} <= set(found):
        return False
    mask, mask_parameters = _identifier(found[der.context(1)], where)
    numbers = [
        der.integer(der.single(found[tag], der.INTEGER, where), where)
        for tag in (der.context(2), der.context(3))
        if tag in found
    ]
    return (
        _is_sha384(found[der.context(0)], where)
        and mask == _MGF1
        and _is_sha384(mask_parameters, where)
        and numbers in ([_SALT_LENGTH], [_SALT_LENGTH, 1])
        and set(found) <= {der.context(i) for i in range(4)}
    )


def _is_sha384(algorithm: bytes, where: str) -> bool:
    name, parameters = _identifier(algorithm, where)
    return name == _SHA384 and parameters in (b"", b"\x05\x00")
