"""COSE_Sign1 (RFC 9052, section 4.2), signed with ES384 (RFC 9053, section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from measure.evidence import cbor
from measure.evidence.signatures import PublicKey, verify_raw_p384
from olos.errors import InputError, MismatchError

TAG = 18
ALGORITHM, CONTENT_TYPE, X5CHAIN = 1, 3, 33
"""Labels of header parameters (RFC 9052, section 3.1; RFC 9360, section 2)."""
_ES384 = -35
_SIGNATURE_SIZE = 96


@dataclass(frozen=True)
class Sign1:
    """A signed message that was read, but not verified."""

    where: str
    protected: bytes
    header: Mapping[int | str, cbor.Item]
    payload: bytes
    signature: bytes

    @classmethod
    def decode(
        cls,
        data: bytes,
        where: str,
        *,
        parameters: Set[int] = frozenset({ALGORITHM}),
        deterministic: bool = False,
    ) -> Sign1:
        """Read a message, tagged or not, with nothing in its unprotected header.

        `parameters` are those of the protected header, by label; `deterministic` is that of `cbor.decode`.
        Raises InputError.
        """
        parts = cbor.decode(data, where, tag=TAG, deterministic=deterministic)
        match parts:
            case (bytes(protected), Mapping() as unprotected, bytes(payload), bytes(signature)):
                pass
            case _:
                raise InputError(f"{where}: is no COSE_Sign1 message with a payload")
        if unprotected:
            raise InputError(f"{where}: has header parameters that are not signed")
        header = cbor.decode(protected, f"{where}: protected header", deterministic=deterministic)
        if not isinstance(header, Mapping) or header.get(ALGORITHM) != _ES384 or set(header) != parameters:
            raise InputError(f"{where}: is not signed with ES384, or has other protected header parameters")
        if len(signature) != _SIGNATURE_SIZE:
            raise InputError(
                f"{where}: has a signature of {len(signature)} bytes, expected {_SIGNATURE_SIZE}"
            )
        return cls(where, protected, header, payload, signature)

    def verify(self, key: PublicKey) -> None:
        """Raises MismatchError unless the message is signed by the key."""
        if not verify_raw_p384(key, self.signature, self.to_be_signed):
            raise MismatchError.of(
                f"check 'signature': {self.where}",
                expected="a signature (ES384) by the key of the certificate that it brings along",
                actual="a signature that is not by this key, or not of these bytes",
            )

    @property
    def to_be_signed(self) -> bytes:
        """Sig_structure (RFC 9052, section 4.4) without external data."""
        parts: Sequence[bytes] = (self.protected, b"", self.payload)
        return b"\x84\x6aSignature1" + b"".join(_byte_string(part) for part in parts)


def _byte_string(data: bytes) -> bytes:
    """A byte string in CBOR."""
    size = len(data)
    if size < 24:
        return bytes([0x40 | size]) + data
    width, code = next((w, c) for w, c in ((1, 0x58), (2, 0x59), (4, 0x5A)) if size < 1 << 8 * w)
    return bytes([code]) + size.to_bytes(width, "big") + data
