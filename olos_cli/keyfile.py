"""RSA keys of signers in PEM files: PKCS#8, also encrypted, and the older PKCS#1 (RFC 5958, RFC 7468).

Every key has 3072 bits and exponent 3, since SGX knows no other; what is in a file is checked for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from measure.pkcs1 import EXPONENT, MODULUS_BITS
from olos.errors import InputError
from olos.files import read_limited

Ask: TypeAlias = Callable[[], bytes | None]
"""Gives the passphrase of an encrypted key, or None if there is none to be had."""

_LIMIT = 64 << 10
_LABEL = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t\r]*$", re.MULTILINE)
_ENCRYPTED = re.compile(rb"^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
_NEW_KEY = "make a key with 'olos keygen', or with 'openssl genrsa -3 -out key.pem 3072'"


class PrivateKey:
    """A key that can sign."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    @property
    def modulus(self) -> int:
        """The modulus, of 3072 bits."""
        return self._key.public_key().public_numbers().n

    def sign(self, message: bytes) -> int:
        """The signature of a message, RSASSA-PKCS1-v1_5 with SHA-256."""
        return int.from_bytes(self._key.sign(message, padding.PKCS1v15(), hashes.SHA256()), "big")

    def pem(self, passphrase: bytes | None) -> bytes:
        """The key as PKCS#8, encrypted if there is a passphrase."""
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            encryption = serialization.BestAvailableEncryption(passphrase)
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


def generate() -> PrivateKey:
    """A new key from the system's random numbers."""
    return PrivateKey(rsa.generate_private_key(EXPONENT, MODULUS_BITS))


def load_private(path: Path, ask: Ask) -> PrivateKey:
    """Read a private key; `ask` is called if it is encrypted, and only then.

    Raises InputError if it cannot be read, is no private RSA key of the right size and exponent, or if
    the passphrase is wrong or missing.
    """
    data = read_limited(path, _LIMIT)
    labels = _labels(data, path)
    if not any(label.endswith("PRIVATE KEY") for label in labels):
        raise InputError(f"{path}: holds no private key but a {labels[0]}", hint="name the private key")
    passphrase = None
    if _ENCRYPTED.search(data):
        passphrase = ask()
        if passphrase is None:
            raise InputError(
                f"{path}: is encrypted, and no passphrase was given",
                hint="use --passphrase-file or --passphrase-env, or call olos in a terminal",
            )
    try:
        key = serialization.load_pem_private_key(data, passphrase)
    except UnsupportedAlgorithm as exc:
        raise InputError(f"{path}: is a key of an unknown kind", hint=_NEW_KEY) from exc
    except (ValueError, TypeError) as exc:
        if passphrase is not None:
            raise InputError(f"{path}: cannot be decrypted: the passphrase is wrong") from exc
        raise InputError(f"{path}: cannot be read as a private key", hint=_NEW_KEY) from exc
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError(f"{path}: is no RSA key", hint=_NEW_KEY)
    _check(key.public_key(), path)
    return PrivateKey(key)


def load_public_modulus(path: Path) -> int:
    """The modulus of a public key. Raises InputError if it is no public RSA key of the right kind."""
    data = read_limited(path, _LIMIT)
    labels = _labels(data, path)
    if not any(label.endswith("PUBLIC KEY") for label in labels):
        hint = f"make one with 'openssl pkey -in {path} -pubout'" if "PRIVATE" in labels[0] else None
        raise InputError(f"{path}: holds no public key but a {labels[0]}", hint=hint)
    try:
        key = serialization.load_pem_public_key(data)
    except UnsupportedAlgorithm as exc:
        raise InputError(f"{path}: is a key of an unknown kind", hint=_NEW_KEY) from exc
    except ValueError as exc:
        raise InputError(f"{path}: cannot be read as a public key") from exc
    if not isinstance(key, rsa.RSAPublicKey):
        raise InputError(f"{path}: is no RSA key", hint=_NEW_KEY)
    _check(key, path)
    return key.public_numbers().n


def write_new(path: Path, pem: bytes) -> None:
    """Write a key that nobody else can read. Raises InputError if the file exists or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as exc:
        raise InputError(f"{path}: exists, and a key is never overwritten", hint="name a new file") from exc
    except OSError as exc:
        raise InputError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException as exc:
        with suppress(OSError):
            path.unlink()
        if isinstance(exc, OSError):
            raise InputError(f"{path}: cannot be written: {exc.strerror}") from exc
        raise


def _labels(data: bytes, path: Path) -> list[str]:
    labels = [match.decode("ascii") for match in _LABEL.findall(data)]
    if not labels:
        raise InputError(
            f"{path}: is no PEM file", hint="for a key in DER, use 'openssl pkey -inform DER' to convert it"
        )
    return labels


def _check(key: rsa.RSAPublicKey, path: Path) -> None:
    exponent = key.public_numbers().e
    if key.key_size != MODULUS_BITS:
        raise InputError(
            f"{path}: an RSA key of {key.key_size} bits, but SGX needs {MODULUS_BITS}", hint=_NEW_KEY
        )
    if exponent != EXPONENT:
        raise InputError(
            f"{path}: an RSA key with exponent {exponent}, but SGX needs {EXPONENT}", hint=_NEW_KEY
        )
