"""What a Python app in a package asks of its TEE: libolos (docs/libolos.md) through ctypes.

The library is looked for as lib/libolos.so.1 beside this file's directory, as `olos sdk` writes them, then
where the dynamic loader looks. All functions raise OSError with the errno that <olos/tee.h> lists.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ALLOW_DEBUG",
    "ALLOW_SIMULATED",
    "MEASUREMENT",
    "NONE",
    "P256",
    "P384",
    "PEM",
    "SIGNER",
    "SIMULATED",
    "Identity",
    "evidence",
    "generate_cert",
    "identity",
    "kind",
    "seal",
    "unseal",
    "verify_cert",
    "verify_evidence",
]

NONE, SIMULATED = 0, 1
"""What `kind` returns."""
MEASUREMENT, SIGNER = 1, 2
"""Who can open what was sealed."""
ALLOW_SIMULATED, ALLOW_DEBUG = 1, 2
"""What a verifier accepts besides hardware that is not in debug mode."""
P256, P384 = 256, 384
PEM = 1

_SIMULATED, _DEBUG, _SIGNED = 1, 2, 4
_REPORT_DATA = 64


class _Identity(ctypes.Structure):
    """struct olos_identity."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("tee", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("product_id", ctypes.c_uint16),
        ("security_version", ctypes.c_uint16),
        ("measurement", ctypes.c_uint8 * 32),
        ("signer", ctypes.c_uint8 * 32),
        ("report_data", ctypes.c_uint8 * 64),
        ("issued", ctypes.c_int64),
        ("valid_from", ctypes.c_int64),
        ("valid_until", ctypes.c_int64),
        ("key_digest", ctypes.c_uint8 * 48),
        ("reserved", ctypes.c_uint8 * 40),
    )


@dataclass(frozen=True)
class Identity:
    """Who made evidence. Times are seconds since 1970-01-01 UTC."""

    tee: int
    simulated: bool
    debug: bool
    measurement: bytes
    signer: bytes | None
    product_id: int
    security_version: int
    report_data: bytes
    issued: int
    valid_from: int
    valid_until: int
    key_digest: bytes
    """Of the certificate's key, 48 bytes; zeros for bare evidence."""


def kind() -> int:
    """In which TEE this program runs: NONE outside of a package, SIMULATED."""
    found: int = _LIBRARY.olos_tee_kind()
    _check(min(found, 0))
    return found


def identity() -> Identity:
    """Who this app itself is."""
    made = _Identity()
    _check(_LIBRARY.olos_identity(ctypes.byref(made)))
    return _identity(made)


def evidence(report_data: bytes) -> bytes:
    """Evidence about this app, with at most 64 bytes of its choice inside (zeros follow)."""
    if len(report_data) > _REPORT_DATA:
        raise ValueError(f"report data has {len(report_data)} bytes, and at most {_REPORT_DATA} fit")
    padded = report_data.ljust(_REPORT_DATA, b"\0")
    size = ctypes.c_size_t()
    _check(_LIBRARY.olos_evidence(padded, None, ctypes.byref(size)))
    room = ctypes.create_string_buffer(size.value)
    _check(_LIBRARY.olos_evidence(padded, room, ctypes.byref(size)))
    return room.raw[: size.value]


def verify_evidence(data: bytes, flags: int = 0) -> Identity:
    """Who made this evidence. It proves nothing about now unless its report data is a nonce of yours."""
    made = _Identity()
    _check(_LIBRARY.olos_verify_evidence(data, _size(data), _flags(flags), ctypes.byref(made)))
    return _identity(made)


def generate_cert(curve: int = P256, flags: int = PEM) -> tuple[bytes, bytes]:
    """A self-signed certificate with evidence inside, and its key (PKCS #8)."""
    sizes = ctypes.c_size_t(), ctypes.c_size_t()
    references = ctypes.byref(sizes[0]), ctypes.byref(sizes[1])
    _check(_LIBRARY.olos_generate_cert(curve, flags, None, references[0], None, references[1]))
    certificate, key = (ctypes.create_string_buffer(size.value) for size in sizes)
    _check(_LIBRARY.olos_generate_cert(curve, flags, certificate, references[0], key, references[1]))
    return certificate.raw[: sizes[0].value], key.raw[: sizes[1].value]


def verify_cert(data: bytes, policy: Callable[[Identity], bool], flags: int = 0) -> Identity:
    """Verify a certificate and ask `policy` whether its identity will do.

    Raises PermissionError if the policy says no; what the policy raises is raised.
    """
    seen: list[Identity] = []
    raised: list[BaseException] = []

    def judge(made: ctypes._Pointer[_Identity], _: int | None) -> int:
        try:
            seen.append(_identity(made.contents))
            return 0 if policy(seen[0]) is True else 1
        except BaseException as exc:  # raised again below: it cannot pass through C
            raised.append(exc)
            return 1

    result = _LIBRARY.olos_verify_cert(data, _size(data), _flags(flags), _POLICY(judge), None)
    if raised:
        raise raised[0]
    _check(result)
    return seen[0]


def seal(data: bytes, policy: int = MEASUREMENT, aad: bytes = b"") -> bytes:
    """Encrypt data for this measurement, or this signer. `aad` must be given again to open it."""
    size = ctypes.c_size_t()
    call = policy, data, _size(data), aad, _size(aad)
    _check(_LIBRARY.olos_seal(*call, None, ctypes.byref(size)))
    room = ctypes.create_string_buffer(size.value)
    _check(_LIBRARY.olos_seal(*call, room, ctypes.byref(size)))
    return room.raw[: size.value]


def unseal(sealed: bytes, aad: bytes = b"") -> bytes:
    """Open sealed data."""
    size = ctypes.c_size_t()
    call = sealed, _size(sealed), aad, _size(aad)
    _check(_LIBRARY.olos_unseal(*call, None, ctypes.byref(size)))
    room = ctypes.create_string_buffer(max(size.value, 1))
    _check(_LIBRARY.olos_unseal(*call, room, ctypes.byref(size)))
    return room.raw[: size.value]


def _identity(made: _Identity) -> Identity:
    return Identity(
        tee=made.tee,
        simulated=bool(made.flags & _SIMULATED),
        debug=bool(made.flags & _DEBUG),
        measurement=bytes(made.measurement),
        signer=bytes(made.signer) if made.flags & _SIGNED else None,
        product_id=made.product_id,
        security_version=made.security_version,
        report_data=bytes(made.report_data),
        issued=made.issued,
        valid_from=made.valid_from,
        valid_until=made.valid_until,
        key_digest=bytes(made.key_digest),
    )


def _size(data: bytes) -> ctypes.c_size_t:
    return ctypes.c_size_t(len(data))


def _flags(flags: int) -> ctypes.c_uint:
    return ctypes.c_uint(flags)


def _check(result: int) -> None:
    if result:
        raise OSError(-result, os.strerror(-result))


def _load() -> ctypes.CDLL:
    beside = Path(__file__).resolve().parent.parent / "lib" / "libolos.so.1"
    return ctypes.CDLL(str(beside) if beside.exists() else "libolos.so.1")


_POLICY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Identity), ctypes.c_void_p)
_LIBRARY = _load()
