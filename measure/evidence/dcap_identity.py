"""What a genuine DCAP quote says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from measure.evidence.dcap_collateral import Collateral, Period
from measure.evidence.dcap_library import Platform, Verdict
from measure.evidence.dcap_quote import Quote
from measure.evidence.model import Claim, Identity, Value

_REGISTERS = (
    *("RTMR0", "RTMR1", "RTMR2", "RTMR3", "MRCONFIGID", "MROWNER", "MROWNERCONFIG", "MRSERVICETD"),
    *("MRSEAM", "MRSIGNERSEAM", "CONFIGID", "ISVEXTPRODID", "ISVFAMILYID"),
)
_NUMBERS = ("ATTRIBUTES", "XFRM", "MISCSELECT", "CONFIGSVN", "TDATTRIBUTES", "XFAM", "SEAMATTRIBUTES")
_VERSIONS = ("CPUSVN", "TEE_TCB_SVN", "TEE_TCB_SVN_2")


@dataclass(frozen=True)
class Genuine:
    """A quote that was verified, and with what."""

    quote: Quote
    collateral: Collateral
    platform: Platform
    verdict: Verdict
    root: str
    """The name of the root that all certificates lead to."""
    valid: Period
    """When all of it is valid."""


def identity(genuine: Genuine) -> Identity:
    """What the quote says of its enclave or TD, and Intel of the platform.

    A TD has no signer: MRSIGNERSEAM, a register here, says who signed the TDX module, which is Intel.
    """
    quote, collateral, verdict = genuine.quote, genuine.collateral, genuine.verdict
    report, is_sgx = quote.report, quote.tee == "sgx"
    numbers = (collateral.tcb_info.evaluation_number, collateral.qe_identity.evaluation_number)
    return Identity(
        tee=quote.tee,
        simulated=False,
        measurement=_value(quote, "MRENCLAVE" if is_sgx else "MRTD"),
        debug=report.debug,
        report_data=_value(quote, "REPORTDATA"),
        signer=_value(quote, "MRSIGNER") if is_sgx else None,
        product_id=report.number("ISVPRODID") if is_sgx else None,
        security_version=report.number("ISVSVN") if is_sgx else None,
        registers=tuple(_value(quote, name) for name in _REGISTERS if name in report.layout.fields),
        tcb=(("tcbEvaluationDataNumber", min(numbers)), ("PCESVN", genuine.platform.pce_svn)),
        tcb_status=verdict.tcb_status,
        advisories=verdict.advisories,
        valid_from=genuine.valid.start,
        valid_until=genuine.valid.end,
        claims=tuple(_claims(genuine)),
    )


def _value(quote: Quote, name: str) -> Value:
    return Value(name, quote.report.field(name))


def _claims(genuine: Genuine) -> Iterator[Claim]:
    quote, platform = genuine.quote, genuine.platform
    report = quote.report
    yield Claim("root", genuine.root)
    yield Claim("quote version", str(quote.version))
    for name in _NUMBERS:
        if name in report.layout.fields:
            yield Claim(name, f"{report.number(name):#x}")
    for name in _VERSIONS:
        if name in report.layout.fields:
            yield Claim(name, report.field(name).hex())
    yield Claim("FMSPC", platform.fmspc.hex())
    yield Claim("PCEID", platform.pce_id.hex())
    yield Claim("PPID", platform.ppid.hex())
    yield Claim("QE ID", quote.user_data[:16].hex())
    if quote.padding:
        yield Claim("padding", f"{quote.padding} zeros behind the quote")
