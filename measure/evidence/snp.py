"""Evidence of AMD SEV-SNP: an attestation report, and the certificates of the key that signed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from measure.evidence import amd, snp_report
from measure.evidence.amd import EndorsementKey
from measure.evidence.chain import Chain, verify_chain
from measure.evidence.model import Claim, File, Identity, Value
from measure.evidence.signatures import verify_raw_p384
from measure.evidence.snp_report import (
    POLICY_DEBUG,
    POLICY_MIGRATE_MA,
    POLICY_SINGLE_SOCKET,
    POLICY_SMT,
    Report,
)
from measure.evidence.x509 import Certificate, load_certificates
from olos.errors import InputError, MismatchError

_PLAUSIBLE_VERSIONS = 16
_LAST_VMPL = 3  # what the host asked for has all ones
_REGISTERS = (
    "FAMILY_ID",
    "IMAGE_ID",
    "HOST_DATA",
    "ID_KEY_DIGEST",
    "AUTHOR_KEY_DIGEST",
    "REPORT_ID",
    "REPORT_ID_MA",
    "CHIP_ID",
)


class Snp:
    """The format "AMD SEV-SNP attestation report"."""

    name = "AMD SEV-SNP attestation report"

    def recognises(self, data: bytes) -> bool:
        """By a small number in front, and the size or the signature algorithm."""
        small = int.from_bytes(data[:4], "little") < _PLAUSIBLE_VERSIONS
        start, size = snp_report.FIELDS["SIGNATURE_ALGO"]
        algorithm = int.from_bytes(data[start : start + size], "little")
        return small and (len(data) == snp_report.SIZE or algorithm == snp_report.ECDSA_P384_SHA384)

    def verify(
        self, evidence: File, *, collateral: tuple[File, ...], roots: tuple[File, ...], time: datetime
    ) -> Identity:
        """See `Evidence.verify`. The collateral is the chain of the VCEK or VLEK, the ARK included."""
        report = snp_report.parse(evidence.data, evidence.name)
        trusted, given = amd.ROOTS.replaced_by(roots)
        certificates = (*(one for file in collateral for one in load_certificates(file)), *given)
        key = _signer_of(report, certificates, evidence.name)
        chain = verify_chain(key.certificate, certificates, trusted, time)
        check_endorsement(report, key)
        return _identity(report, key, chain)


SNP = Snp()


def _signer_of(report: Report, certificates: tuple[Certificate, ...], where: str) -> EndorsementKey:
    """The VCEK or VLEK that signed the report. Its certificate is not believed yet."""
    candidates = [one for one in certificates if amd.is_endorsement(one)]
    if not candidates:
        raise InputError(
            f"{where}: the certificate of the {report.signing_key.name} that signed it is missing",
            hint="give it and its chain: --collateral vcek.der --collateral cert_chain.pem",
        )
    signed = report.data[: snp_report.SIGNED_SIZE]
    for certificate in candidates:
        if verify_raw_p384(certificate.key, report.signature, signed):
            return amd.endorsement_key(certificate)
    raise MismatchError.of(
        f"check 'signature': {where}",
        expected=f"a signature (ECDSA P-384) by the key of {candidates[0].where}",
        actual="a signature that is not by this key, or not of these bytes",
        hint="a chip has another VCEK for each TCB: give that of the report's REPORTED_TCB",
    )


def check_endorsement(report: Report, key: EndorsementKey) -> None:
    """Compare what a report says of its origin with what the certificate of its key says: chip and TCB.

    Raises MismatchError naming the first field that differs.
    """
    vmpl = report.number("VMPL")
    if vmpl > _LAST_VMPL:
        raise MismatchError.of(
            "check 'VMPL'", expected="0 to 3, a report that the guest asked for", actual=f"{vmpl:#x}"
        )
    if report.signing_key is not key.kind:
        raise MismatchError.of("check 'signing key'", expected=report.signing_key.name, actual=key.kind.name)
    if report.tcb_layout not in (None, key.layout):
        raise MismatchError.of(
            "check 'processor'",
            expected=f"a processor of the kind of {key.product!r}",
            actual=f"CPUID family, model and stepping {report.cpuid}",
        )
    _check_reported_tcb(report.field("REPORTED_TCB"), key)
    if key.hardware_id is not None and report.field("CHIP_ID") != key.hardware_id.ljust(64, b"\0"):
        raise MismatchError.of(
            "check 'chip' (CHIP_ID)", expected=key.hardware_id.hex(), actual=report.field("CHIP_ID").hex()
        )


def _check_reported_tcb(reported: bytes, key: EndorsementKey) -> None:
    for (name, expected), (_, actual) in zip(key.tcb, key.layout.read(reported), strict=True):
        if actual != expected:
            raise MismatchError.of(f"check 'TCB of the key' ({name})", expected=expected, actual=actual)
    if any(key.layout.reserved(reported)):
        raise MismatchError.of(
            "check 'TCB of the key' (reserved bytes)", expected="zeros", actual=reported.hex()
        )


def _identity(report: Report, key: EndorsementKey, chain: Chain) -> Identity:
    signer = _signer(report)
    return Identity(
        tee="snp",
        simulated=False,
        measurement=Value("launch digest", report.field("MEASUREMENT")),
        debug=report.policy(POLICY_DEBUG),
        migratable=report.policy(POLICY_MIGRATE_MA),
        report_data=Value("REPORT_DATA", report.field("REPORT_DATA")),
        signer=signer,
        security_version=report.number("GUEST_SVN") if signer else None,  # it stands in the ID block
        registers=tuple(Value(name, report.field(name)) for name in _REGISTERS),
        tcb=key.tcb,
        valid_from=chain.valid_from,
        valid_until=chain.valid_until,
        claims=tuple(_claims(report, key, chain)),
    )


def _signer(report: Report) -> Value | None:
    """The author key if there is one, since it vouches for the ID key; else the ID key, if there is one."""
    name = "AUTHOR_KEY_DIGEST" if report.author_key else "ID_KEY_DIGEST"
    digest = report.field(name)
    return Value(name, digest) if any(digest) else None


def _claims(report: Report, key: EndorsementKey, chain: Chain) -> Iterator[Claim]:
    yield Claim("root", chain.root)
    yield Claim("signed by", f"{key.kind.name}" + (f" of {key.provider}" if key.provider else ""))
    yield Claim("processor", key.product)
    yield Claim("report version", str(report.number("VERSION")))
    yield Claim("VMPL", str(report.number("VMPL")))
    abi = report.number("POLICY") & 0xFFFF
    yield Claim("policy", f"{report.number('POLICY'):#x}")
    yield Claim("least ABI", f"{abi >> 8}.{abi & 0xFF}")
    yield Claim("SMT", _allowed(report, POLICY_SMT))
    yield Claim("migration agent", _allowed(report, POLICY_MIGRATE_MA))
    yield Claim("several sockets", "not allowed" if report.policy(POLICY_SINGLE_SOCKET) else "allowed")
    yield Claim("platform info", f"{report.number('PLATFORM_INFO'):#x}")
    for name in ("CURRENT_TCB", "COMMITTED_TCB", "LAUNCH_TCB"):
        parts = key.layout.read(report.field(name))
        yield Claim(name, ", ".join(f"{component} {number}" for component, number in parts))
    for name in ("CURRENT_VERSION", "COMMITTED_VERSION"):
        build, minor, major = report.field(name)
        yield Claim(name, f"{major}.{minor}.{build}")
    if report.mitigations:
        yield Claim("mitigations", f"at launch {report.mitigations[0]:#x}, now {report.mitigations[1]:#x}")


def _allowed(report: Report, bit: int) -> str:
    return "allowed" if report.policy(bit) else "not allowed"
