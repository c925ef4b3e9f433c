"""SIGSTRUCT: who vouches for a measurement, in the 1808 bytes that EINIT takes (docs/formats.md section 8).

Intel SDM vol. 3D, table "Layout of Enclave Signature Structure (SIGSTRUCT)". Header (bytes 0-127) and body
(900-1027) are signed; key, signature and the helpers Q1 and Q2 stand around the body. All little-endian.
Value and bytes determine each other. Nothing secret is here: keys sign elsewhere.
"""

from __future__ import annotations

import calendar
import re
import struct
from dataclasses import dataclass, fields

from measure.pkcs1 import EXPONENT, MODULUS_BYTES, is_modulus, is_signature
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.layout import SIGSTRUCT_SIZE
from olos.manifest import Manifest

HEADER = bytes.fromhex("06000000e10000000000010000000000")
HEADER2 = bytes.fromhex("01010000600000006000000001000000")
TO_BE_SIGNED_SIZE = 256

ATTRIBUTES_DEBUG = 1 << 1
ATTRIBUTES_MODE64BIT = 1 << 2
XFRM_LEGACY = 0b11  # x87 and SSE, without which no enclave starts

_ALL_32 = (1 << 32) - 1
_ALL_64 = (1 << 64) - 1

# HEADER, VENDOR, DATE, HEADER2, SWDEFINED; reserved.
_HEADER_FIELDS = struct.Struct("<16sII16sI84x")
# MODULUS, EXPONENT, SIGNATURE.
_KEY_FIELDS = struct.Struct(f"<{MODULUS_BYTES}sI{MODULUS_BYTES}s")
# MISCSELECT, MISCMASK, CET_ATTRIBUTES, CET_ATTRIBUTES_MASK, reserved, ISVFAMILYID, ATTRIBUTES (flags, XFRM),
# ATTRIBUTEMASK (flags, XFRM), ENCLAVEHASH, reserved, ISVEXTPRODID, ISVPRODID, ISVSVN.
_BODY_FIELDS = struct.Struct("<IIBB2x16sQQQQ32s16x16sHH")
# Reserved, Q1, Q2.
_HELPER_FIELDS = struct.Struct(f"<12x{MODULUS_BYTES}s{MODULUS_BYTES}s")

_KEY_OFFSET = _HEADER_FIELDS.size
_BODY_OFFSET = _KEY_OFFSET + _KEY_FIELDS.size
_HELPER_OFFSET = _BODY_OFFSET + _BODY_FIELDS.size
assert _HELPER_OFFSET + _HELPER_FIELDS.size == SIGSTRUCT_SIZE

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is signed. The defaults are those of every olos signature.

    All masks of what exists on any processor are full: hardware then starts exactly the enclave that
    is described, so a signature without DEBUG is none for a debug enclave, nor the other way round.
    `date` is YYYY-MM-DD, a real day; `measurement` a SHA-256; the rest fits into its field.
    """

    date: str
    measurement: Digest
    product_id: int
    security_version: int
    attributes: int = ATTRIBUTES_MODE64BIT
    attribute_mask: int = _ALL_64
    xfrm: int = XFRM_LEGACY
    xfrm_mask: int = _ALL_64
    misc_select: int = 0
    misc_mask: int = _ALL_32
    cet_attributes: int = 0
    cet_attributes_mask: int = 0
    vendor: int = 0
    software_defined: int = 0
    family_id: bytes = bytes(16)
    extended_product_id: bytes = bytes(16)

    @property
    def debug(self) -> bool:
        """Whether it is for an enclave that can be looked into."""
        return bool(self.attributes & ATTRIBUTES_DEBUG)

    def encode(self) -> bytes:
        """The TO_BE_SIGNED_SIZE bytes: header, then body. Raises ValueError if the date is none."""
        if not is_date(self.date):
            raise ValueError(f"{self.date!r} is no date YYYY-MM-DD")
        date = int(self.date.replace("-", ""), 16)  # BCD
        header = _HEADER_FIELDS.pack(HEADER, self.vendor, date, HEADER2, self.software_defined)
        return header + _BODY_FIELDS.pack(
            self.misc_select,
            self.misc_mask,
            self.cet_attributes,
            self.cet_attributes_mask,
            self.family_id,
            self.attributes,
            self.xfrm,
            self.attribute_mask,
            self.xfrm_mask,
            self.measurement.value,
            self.extended_product_id,
            self.product_id,
            self.security_version,
        )

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> Statement:
        """Read the bytes that `encode` writes.

        Raises InputError for another size, MismatchError for wrong constants and for what is no date.
        """
        _check_size(data, TO_BE_SIGNED_SIZE, where)
        header, vendor, date, header2, software_defined = _HEADER_FIELDS.unpack_from(data)
        for name, expected, actual in (("HEADER", HEADER, header), ("HEADER2", HEADER2, header2)):
            _check_equal(f"{where}: {name}", expected.hex(), actual.hex())
        digits = f"{date:08x}"
        text = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
        if not is_date(text):
            raise MismatchError(f"{where}: DATE is no date: {digits}")
        body = _BODY_FIELDS.unpack_from(data, _HEADER_FIELDS.size)
        statement = cls(
            date=text,
            vendor=vendor,
            software_defined=software_defined,
            misc_select=body[0],
            misc_mask=body[1],
            cet_attributes=body[2],
            cet_attributes_mask=body[3],
            family_id=body[4],
            attributes=body[5],
            xfrm=body[6],
            attribute_mask=body[7],
            xfrm_mask=body[8],
            measurement=Digest("sha256", body[9]),
            extended_product_id=body[10],
            product_id=body[11],
            security_version=body[12],
        )
        _check_reserved(data, statement.encode(), f"{where}: header and body")
        return statement


@dataclass(frozen=True)
class Sigstruct:
    """A statement, the key that vouches for it, and its signature; `q1` and `q2` spare EINIT divisions."""

    statement: Statement
    modulus: int
    signature: int
    q1: int
    q2: int

    @property
    def signer(self) -> Digest:
        """MRSIGNER: what hardware takes for the identity of the signer."""
        return mrsigner(self.modulus)

    def encode(self) -> bytes:
        """The 1808 bytes. Raises OverflowError if an integer is larger than its field."""
        signed = self.statement.encode()
        modulus, signature, q1, q2 = (
            number.to_bytes(MODULUS_BYTES, "little")
            for number in (self.modulus, self.signature, self.q1, self.q2)
        )
        return (
            signed[:_KEY_OFFSET]
            + _KEY_FIELDS.pack(modulus, EXPONENT, signature)
            + signed[_KEY_OFFSET:]
            + _HELPER_FIELDS.pack(q1, q2)
        )

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> Sigstruct:
        """Read the bytes that `encode` writes; whether the signature is one is for `check`.

        Raises InputError for another size, MismatchError for a field that has one value only.
        """
        _check_size(data, SIGSTRUCT_SIZE, where)
        modulus, exponent, signature = _KEY_FIELDS.unpack_from(data, _KEY_OFFSET)
        q1, q2 = _HELPER_FIELDS.unpack_from(data, _HELPER_OFFSET)
        signed = data[:_KEY_OFFSET] + data[_BODY_OFFSET:_HELPER_OFFSET]
        statement = Statement.decode(signed, where=where)
        _check_equal(f"{where}: EXPONENT", EXPONENT, exponent)
        numbers = (int.from_bytes(number, "little") for number in (modulus, signature, q1, q2))
        result = cls(statement, *numbers)
        _check_reserved(data, result.encode(), where)
        return result

    def check(self, where: str) -> None:
        """Check the signature as EINIT does. Raises MismatchError, naming the field."""
        if not is_modulus(self.modulus):
            raise MismatchError(f"{where}: MODULUS is that of no RSA key of 3072 bits")
        if not is_signature(self.statement.encode(), self.signature, self.modulus):
            raise MismatchError(
                f"{where}: SIGNATURE is not one of header and body by the key in it",
                hint="the signature was damaged or made up; sign again with 'olos sign'",
            )
        if (self.q1, self.q2) != _quotients(self.signature, self.modulus):
            raise MismatchError(f"{where}: Q1 or Q2 does not belong to SIGNATURE and MODULUS")


def statement_of(manifest: Manifest, measurement: Digest, date: str) -> Statement:
    """What a signer of this manifest, which has this measurement, says of it."""
    policy = manifest.policy
    return Statement(
        date=date,
        measurement=measurement,
        product_id=policy.product_id,
        security_version=policy.security_version,
        attributes=ATTRIBUTES_MODE64BIT | (ATTRIBUTES_DEBUG if policy.debug else 0),
    )


def check_statement(statement: Statement, expected: Statement, where: str) -> None:
    """Compare two statements, but for the date. Raises MismatchError for the first field that differs."""
    for field in fields(Statement):
        if field.name != "date":
            values = getattr(expected, field.name), getattr(statement, field.name)
            _check_equal(f"{where}: {field.name.replace('_', ' ')}", *map(_shown, values))


def assemble(statement: Statement, modulus: int, signature: int) -> Sigstruct:
    """The SIGSTRUCT of a statement and its signature. `modulus` must have 3072 bits."""
    return Sigstruct(statement, modulus, signature, *_quotients(signature, modulus))


def mrsigner(modulus: int) -> Digest:
    """SHA-256 of the modulus as it stands in a SIGSTRUCT."""
    return Digest.sha256(modulus.to_bytes(MODULUS_BYTES, "little"))


def is_date(text: str) -> bool:
    """Whether a text is a day of the calendar, as YYYY-MM-DD."""
    match = _DATE.fullmatch(text)
    if not match:
        return False
    year, month, day = map(int, match.groups())
    return year > 0 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _quotients(signature: int, modulus: int) -> tuple[int, int]:
    """Q1 = floor(s² / n) and Q2 = floor((s³ - Q1·s·n) / n)."""
    q1 = signature**2 // modulus
    return q1, (signature**3 - q1 * signature * modulus) // modulus


def _check_size(data: bytes, expected: int, where: str) -> None:
    if len(data) != expected:
        raise InputError(f"{where}: {len(data)} bytes where there must be {expected}")


def _check_equal(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise MismatchError.of(what, expected=expected, actual=actual)


def _check_reserved(data: bytes, encoded: bytes, where: str) -> None:
    """All fields are the same in both; so what differs is reserved."""
    for position, (actual, expected) in enumerate(zip(data, encoded, strict=True)):
        if actual != expected:
            raise MismatchError(f"{where}: reserved byte {position} is not zero but {actual:02x}")


def _shown(value: Digest | bytes | int | str) -> object:
    if isinstance(value, Digest):
        return value.hex
    return value.hex() if isinstance(value, bytes) else value
