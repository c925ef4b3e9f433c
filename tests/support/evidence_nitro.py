"""Documents of AWS Nitro Enclaves that nobody has, under a root made here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cbor2

from measure.evidence.model import File
from support.certificates import TIME, Party, Terms, ec_key, issue
from support.cose import signature_of

PCRS = {index: bytes([index + 1]) * 48 for index in range(3)} | {index: bytes(48) for index in range(3, 16)}
PCR8 = b"\x88" * 48
NONCE = b"nonce of the relying party"


@dataclass(frozen=True)
class NitroWorld:
    """A cloud provider, and one of its hypervisors."""

    root: Party
    regional: Party
    leaf: Party

    @property
    def roots(self) -> tuple[File, ...]:
        return (File("root.pem", self.root.pem),)

    def fields(self, **changes: Any) -> dict[str, Any]:
        """The fields of a good document."""
        good: dict[str, Any] = {
            "module_id": "i-0123456789abcdef0-enc0123456789abcdef",
            "digest": "SHA384",
            "timestamp": int(TIME.timestamp() * 1000),
            "pcrs": PCRS | {8: PCR8},
            "certificate": self.leaf.der,
            "cabundle": [self.root.der, self.regional.der],
            "public_key": None,
            "user_data": b"of the user",
            "nonce": NONCE,
        }
        return good | changes

    def document(self, **changes: Any) -> File:
        """A signed document with other values in it."""
        return self.signed(cbor2.dumps(self.fields(**changes)))

    def signed(
        self,
        payload: bytes,
        *,
        protected: bytes = bytes.fromhex("a1013822"),
        unprotected: Mapping[Any, Any] | None = None,
        tag: int | None = None,
    ) -> File:
        """A COSE_Sign1 message with any payload."""
        signature = signature_of(self.leaf.key, protected, payload)
        message: Any = [protected, dict(unprotected or {}), payload, signature]
        return File("document.cose", cbor2.dumps(message if tag is None else cbor2.CBORTag(tag, message)))


@functools.cache
def nitro_world() -> NitroWorld:
    """The usual one."""
    root = issue("Root", ec_key("root"))
    regional = issue("Region", ec_key("region"), root, Terms(path_length=0))
    leaf = issue("i-0123456789abcdef0", ec_key("leaf"), regional, Terms(ca=False, key_usage=False))
    return NitroWorld(root, regional, leaf)
