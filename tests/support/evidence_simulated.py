"""Evidence of the simulated TEE, and attested certificates, made apart from olos."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.model import File
from support.certificates import TIME, Party, Terms, ec_key, issue
from support.cose import signature_of
from support.evidence_snp import REPORT_DATA

SIMULATED_EXTENSION = "2.25.235170598882043719799641300614159717721"
SIMULATED_MEASUREMENT = bytes(range(32))
SIMULATED_SIGNER = bytes(range(200, 232))
SPKI_DIGESTS: Mapping[str, type[hashes.SHA256 | hashes.SHA384]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
}


@dataclass(frozen=True)
class SimulatedWorld:
    """Somebody's simulated TEE, as docs/formats.md section 13 has it."""

    root: Party
    leaf: Party

    @property
    def roots(self) -> tuple[File, ...]:
        return (File("root.pem", self.root.pem),)

    def claims(self, changes: Mapping[int, Any] | None = None) -> dict[int, Any]:
        """The claims of good evidence; a change to None leaves one out."""
        good = {
            6: int(TIME.timestamp()),
            10: REPORT_DATA,
            263: 1,
            265: "urn:uuid:b0ec35b8-3f4f-4a19-8ebb-1c3d54b6d559",
            -70001: True,
            -70002: SIMULATED_MEASUREMENT,
            -70003: SIMULATED_SIGNER,
            -70004: 7,
            -70005: 3,
            -70006: "linux",
        }
        return {label: value for label, value in (good | dict(changes or {})).items() if value is not None}

    def evidence(self, changes: Mapping[int, Any] | None = None) -> File:
        """Signed evidence with other claims in it."""
        return self.signed(cbor2.dumps(self.claims(changes), canonical=True))

    def signed(self, payload: bytes, header: Mapping[int, Any] | None = None) -> File:
        """A message with any payload; `header` changes its protected header."""
        good = {1: -35, 3: "application/eat+cwt", 33: [self.leaf.der, self.root.der]}
        protected = cbor2.dumps(good | dict(header or {}), canonical=True)
        signature = signature_of(self.leaf.key, protected, payload)
        return File("evidence.cbor", cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature])))

    def attested(
        self,
        key: ec.EllipticCurvePrivateKey,
        changes: Mapping[int, Any] | None = None,
        terms: Terms | None = None,
    ) -> Party:
        """An attested certificate (section 14) of a key."""
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(SPKI_DIGESTS[key.curve.name]())
        digest.update(spki)
        evidence = self.evidence({10: digest.finalize().ljust(64, b"\0")} | dict(changes or {}))
        message = cbor2.dumps(["application/eat+cwt", evidence.data, 4])
        terms = replace(terms or Terms(ca=False, key_usage=False), digest=SPKI_DIGESTS[key.curve.name]())
        return issue(
            "app", key, None, replace(terms, extensions=terms.extensions or {"2.23.133.5.4.9": message})
        )


@functools.cache
def simulated_world(name: str = "simulated") -> SimulatedWorld:
    """The usual one, or another one of another name."""
    marked = Terms(path_length=0, extensions={SIMULATED_EXTENSION: b"\x0c\x09simulated"}, critical=True)
    root = issue("olos simulated TEE root, protects nothing", ec_key(f"{name} root"), None, marked)
    terms = replace(marked, ca=False, path_length=None, key_usage=False)
    return SimulatedWorld(root, issue("olos simulated TEE", ec_key(f"{name} leaf"), root, terms))
