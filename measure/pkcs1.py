"""RSASSA-PKCS1-v1_5 with SHA-256 and 3072-bit keys of exponent 3: the only signatures SGX knows.

RFC 8017 sections 8.2 and 9.2; the restriction is that of Intel SDM vol. 3D, "Enclave Signature Structure".
Only what needs no secret is here: checking a signature.
"""

from __future__ import annotations

import hashlib

MODULUS_BITS = 3072
MODULUS_BYTES = MODULUS_BITS // 8
EXPONENT = 3

_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DER of DigestInfo up to the digest itself, for SHA-256 (RFC 8017 section 9.2, note 1)."""


def encoded_message(message: bytes) -> int:
    """EMSA-PKCS1-v1_5 of a message as an integer: 00 01 FF … FF 00 DigestInfo digest."""
    info = _DIGEST_INFO + hashlib.sha256(message).digest()
    padding = b"\xff" * (MODULUS_BYTES - len(info) - 3)
    return int.from_bytes(b"\x00\x01" + padding + b"\x00" + info, "big")


def is_modulus(modulus: int) -> bool:
    """Whether an integer can be the modulus of such a key: 3072 bits and odd."""
    return modulus.bit_length() == MODULUS_BITS and modulus % 2 == 1


def is_signature(message: bytes, signature: int, modulus: int) -> bool:
    """Whether `signature` is the one of a message; compares the whole encoded message."""
    return 0 < signature < modulus and pow(signature, EXPONENT, modulus) == encoded_message(message)
