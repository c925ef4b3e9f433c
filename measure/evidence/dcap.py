"""Evidence of Intel SGX and TDX: DCAP quotes, and the collateral that says what they are worth.

The library dcap-qvl verifies signatures, revocation and TCB. What is checked here before: that quote and
collateral are well-formed and belong together, that all certificates lead to Intel's root and that everything
is valid at the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from measure.evidence import dcap_collateral, dcap_library, dcap_quote
from measure.evidence.chain import Chain, Roots, verify_chain
from measure.evidence.dcap_collateral import Collateral, Period
from measure.evidence.dcap_identity import Genuine, identity
from measure.evidence.dcap_library import Platform
from measure.evidence.dcap_pem import check_spelling
from measure.evidence.dcap_quote import Quote
from measure.evidence.model import File, Identity
from measure.evidence.validity import check_validity
from measure.evidence.x509 import Certificate, load_certificates
from olos.errors import InputError, MismatchError

ROOTS = Roots({"44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3": "Intel SGX Root CA"})
"""https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"""

_DOCUMENT_IDS = {"sgx": ("SGX", "QE"), "tdx": ("TDX", "TD_QE")}
_SECOND = timedelta(seconds=1)


class Dcap:
    """The format "Intel SGX or TDX quote (DCAP)"."""

    name = "Intel SGX or TDX quote (DCAP)"

    def recognises(self, data: bytes) -> bool:
        """By version and type of the attestation key."""
        return dcap_quote.recognises(data)

    def verify(
        self, evidence: File, *, collateral: tuple[File, ...], roots: tuple[File, ...], time: datetime
    ) -> Identity:
        """See `Evidence.verify`. The collateral is one file, `dcap_collateral.py` says of what form.

        Raises MissingToolError as well, if the library dcap-qvl is not installed.
        """
        quote = dcap_quote.parse(evidence.data, evidence.name)
        known = dcap_collateral.parse(_only(collateral, evidence.name))
        _check_documents(quote, known)
        trusted, given = ROOTS.replaced_by(roots)
        for period in known.periods:
            check_validity(f"check 'validity': {known.where}: {period.what}", period.start, period.end, time)
        pck, *others = (load_certificates(file) for file in _chain_files(quote, known, evidence.name))
        chains = tuple(
            verify_chain(certificates[0], (*certificates[1:], *given), trusted, time)
            for certificates in (pck, *others)
        )
        _check_all_used(pck, chains[0])
        platform = dcap_library.platform_of(quote, evidence.name)
        _check_platform(platform, known)
        valid = _common(known, chains)
        root = chains[0].certificates[-1].raw
        verdict = dcap_library.verify(quote, known, root, _seconds(valid, time), evidence.name)
        return identity(Genuine(quote, known, platform, verdict, chains[0].root, valid))


DCAP = Dcap()


def _only(collateral: tuple[File, ...], where: str) -> File:
    if len(collateral) != 1:
        raise InputError(
            f"{where}: is judged by one file of collateral, but {len(collateral) or 'none'} is given",
            hint="get it from Intel or a PCCS with dcap-qvl (get_collateral), and give it: --collateral FILE",
        )
    return collateral[0]


def _check_documents(quote: Quote, collateral: Collateral) -> None:
    """Whether the collateral is about this kind of TEE."""
    found = (collateral.tcb_info.id, collateral.qe_identity.id)
    if found != _DOCUMENT_IDS[quote.tee]:
        expected = " and ".join(_DOCUMENT_IDS[quote.tee])
        raise _foreign(f"TCBInfo and QE identity of {collateral.where}", expected, " and ".join(found))


def _check_platform(platform: Platform, collateral: Collateral) -> None:
    """Whether the collateral is about this kind of platform."""
    if platform.fmspc != collateral.fmspc:
        raise _foreign("FMSPC", platform.fmspc.hex(), collateral.fmspc.hex())
    if platform.pce_id != collateral.pce_id:
        raise _foreign("PCEID", platform.pce_id.hex(), collateral.pce_id.hex())


def _foreign(what: str, expected: str, actual: str) -> MismatchError:
    return MismatchError.of(
        f"check 'collateral' ({what})",
        expected=expected,
        actual=actual,
        hint="this is the collateral of another platform: get that of the quote",
    )


def _chain_files(quote: Quote, collateral: Collateral, where: str) -> Iterator[File]:
    """The certificate chains in PEM, the quote's first."""
    pck = File(f"{where}: PCK chain", quote.pck_chain)
    check_spelling(pck)
    yield pck
    for name, text in (
        ("pck_crl_issuer_chain", collateral.pck_crl_issuer_chain),
        ("tcb_info_issuer_chain", collateral.tcb_info.issuer_chain),
        ("qe_identity_issuer_chain", collateral.qe_identity.issuer_chain),
    ):
        yield File(f"{collateral.where}: {name}", text.encode())


def _check_all_used(given: tuple[Certificate, ...], chain: Chain) -> None:
    """Whether all certificates of the quote were verified, so that none of its bytes can be changed."""
    used = {certificate.raw for certificate in chain.certificates}
    for certificate in given:
        if certificate.raw not in used:
            raise MismatchError.of(
                f"check 'PCK chain': {certificate.where}",
                expected=f"a certificate of the chain from the PCK to {chain.root!r}",
                actual=f"{certificate.common_name!r}, which is none",
            )


def _common(collateral: Collateral, chains: tuple[Chain, ...]) -> Period:
    """When all of it is valid."""
    periods = [(one.start, one.end) for one in collateral.periods]
    periods += [(chain.valid_from, chain.valid_until) for chain in chains]
    return Period("all", max(start for start, _ in periods), min(end for _, end in periods))


def _seconds(valid: Period, time: datetime) -> int:
    """The time for the library, which does not know of clocks that differ, in seconds since 1970.

    What is valid is so from its first second to the one before its last. That the time is no further off
    than clocks are was checked of every part.
    """
    return max(0, int(max(valid.start, min(time, valid.end - _SECOND)).timestamp()))
