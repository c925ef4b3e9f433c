"""Evidence of AWS Nitro Enclaves: a document that the hypervisor signs, with its own certificates in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from measure.evidence import nitro_document, x509
from measure.evidence.chain import Chain, Roots, verify_chain
from measure.evidence.cose import Sign1
from measure.evidence.dstack import unwrap_nitro
from measure.evidence.model import Claim, File, Identity, Value
from measure.evidence.nitro_document import Document
from measure.evidence.validity import check_validity, rfc3339
from measure.evidence.x509 import MAX_CERTIFICATES, load_certificates
from olos.errors import InputError

ROOTS = Roots(
    {"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b": "AWS Nitro Enclaves root G1"}
)
"""The fingerprint is in the AWS Nitro Enclaves User Guide, "Verifying the root of trust"."""

_SIZE_LIMIT = 128 << 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STARTS = (b"\xd2\x84", b"\x84\x44\xa1\x01\x38\x22")
"""A tagged COSE_Sign1, and one that is not tagged but says ES384 first."""
_IMAGE, _SIGNER = 0, 8
_PROGRAM = range(3)


class Nitro:
    """The format "AWS Nitro Enclaves attestation document"."""

    name = "AWS Nitro Enclaves attestation document"

    def recognises(self, data: bytes) -> bool:
        """By the first bytes of a COSE_Sign1 message, and a name that the document has."""
        return unwrap_nitro(data).startswith(_STARTS) and b"cabundle" in data

    def verify(
        self, evidence: File, *, collateral: tuple[File, ...], roots: tuple[File, ...], time: datetime
    ) -> Identity:
        """See `Evidence.verify`. The document brings all of its certificates along."""
        if len(evidence.data) > _SIZE_LIMIT:
            raise InputError(f"{evidence.name}: has more than {_SIZE_LIMIT} bytes")
        message = Sign1.decode(unwrap_nitro(evidence.data), evidence.name)
        document = nitro_document.parse(message.payload, evidence.name)
        if len(document.cabundle) > MAX_CERTIFICATES:
            raise InputError(f"{evidence.name}: cabundle: more than {MAX_CERTIFICATES} certificates")
        leaf = x509.parse(document.certificate, f"{evidence.name}: certificate")
        message.verify(leaf.key)
        bundle = (
            x509.parse(one, f"{evidence.name}: cabundle[{i}]") for i, one in enumerate(document.cabundle)
        )
        trusted, given = ROOTS.replaced_by(roots)
        more = (one for file in collateral for one in load_certificates(file))
        chain = verify_chain(leaf, (*bundle, *given, *more), trusted, time)
        made = _EPOCH + timedelta(milliseconds=document.milliseconds)
        check_validity(f"check 'timestamp': {evidence.name}", chain.valid_from, chain.valid_until, made)
        return _identity(document, chain, made)


NITRO = Nitro()


def _identity(document: Document, chain: Chain, made: datetime) -> Identity:
    registers = {index: Value(f"PCR{index}", value) for index, value in document.pcrs.items()}
    signer = registers.get(_SIGNER)
    return Identity(
        tee="nitro",
        simulated=False,
        measurement=registers[_IMAGE],
        # An enclave in debug mode has zeros there. Nothing else has: a digest is never zero.
        debug=not all(any(registers[index].data) for index in _PROGRAM),
        report_data=Value("nonce", document.nonce or b""),
        report_data_padded=False,
        signer=signer if signer and any(signer.data) else None,
        registers=(*(value for index, value in registers.items() if index != _IMAGE), *_supplied(document)),
        valid_from=chain.valid_from,
        valid_until=chain.valid_until,
        claims=tuple(_claims(document, chain, made)),
    )


def _supplied(document: Document) -> Iterator[Value]:
    """What the enclave itself put in, besides the nonce."""
    if document.user_data is not None:
        yield Value("user_data", document.user_data)
    if document.public_key is not None:
        yield Value("public_key", document.public_key)


def _claims(document: Document, chain: Chain, made: datetime) -> Iterator[Claim]:
    yield Claim("root", chain.root)
    yield Claim("module id", document.module_id)
    yield Claim("made", rfc3339(made))
