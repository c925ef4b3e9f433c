"""The structure of DCAP quotes of Intel SGX (version 3) and TDX (versions 4 and 5).

Intel, "SGX ECDSA QuoteGen Library API", appendix A.4 (version 3), and "TDX DCAP Quoting Library API",
appendix A.3 (versions 4 and 5). Integers are little-endian.

    header (48)
    version 5: body type (2), body size (4)
    body: report of an enclave or a TD                       up to here signed by the attestation key
    size (4) of the signature data
        signature (64), attestation key (64)
        from version 4 on: type 6 (2), size (4), and within:
            report of the quoting enclave (384), signature (64)
            size (2), authentication data
            type 5 (2), size (4), PCK certificate chain (PEM)

Much of what follows the body is signed by nobody. So that such a quote has one spelling all the same, sizes
must fit exactly, and what is behind the signature data must be zeros: those who make quotes often pass on
the whole of a buffer that was too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from measure.evidence.dcap_report import SGX_REPORT, TD_REPORT_10, TD_REPORT_15, Report
from olos.errors import InputError, MismatchError

Tee = Literal["sgx", "tdx"]

MAX_SIZE = 64 << 10
HEADER_SIZE = 48
INTEL_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")

_TEES: dict[int, Tee] = {0x00: "sgx", 0x81: "tdx"}
_VERSIONS: dict[Tee, tuple[int, ...]] = {"sgx": (3,), "tdx": (4, 5)}
_BODY_TYPES = {1: SGX_REPORT, 2: TD_REPORT_10, 3: TD_REPORT_15}
_BODIES = {"sgx": (SGX_REPORT,), "tdx": (TD_REPORT_10, TD_REPORT_15)}
_ECDSA_P256 = 2
_QE_REPORT_CERTIFICATION_DATA, _PCK_CERT_CHAIN = 6, 5
_SIGNATURE_SIZE = _KEY_SIZE = 64
_PLAUSIBLE = range(1, 16)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A quote that is well-formed. Nothing says yet that it is genuine."""

    data: bytes
    """The quote without the zeros behind it."""
    padding: int
    """How many zeros there were."""
    version: int
    tee: Tee
    user_data: bytes
    """Of the header. Intel's quoting enclaves put the QE ID there."""
    report: Report
    pck_chain: bytes
    """Certificates of the key that signed the quoting enclave's report: PEM, from the leaf to the root."""


class _Reader:
    """Takes one part of a quote after the other. Raises InputError for what is not there."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data, self._where = data, where
        self.position = 0

    def take(self, size: int, what: str) -> bytes:
        part = self._data[self.position : self.position + size]
        if len(part) < size:
            left = len(self._data) - self.position
            raise InputError(f"{self._where}: {what} has {size} bytes, but only {left} are left")
        self.position += size
        return part

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "little")

    def expect(self, size: int, what: str, value: int) -> None:
        found = self.number(size, what)
        if found != value:
            raise InputError(f"{self._where}: {what} is {found}; olos knows {value} alone")

    def within(self, size: int, what: str) -> _Reader:
        return _Reader(self.take(size, what), self._where)

    def rest(self) -> bytes:
        part = self._data[self.position :]
        self.position = len(self._data)
        return part

    def end(self, what: str) -> None:
        left = len(self._data) - self.position
        if left:
            raise InputError(f"{self._where}: {what} is {left} bytes longer than what it holds")


def recognises(data: bytes) -> bool:
    """Whether the version and the type of the attestation key are small numbers, and there is a header."""
    version, key_type = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
    return len(data) > HEADER_SIZE and version in _PLAUSIBLE and key_type in _PLAUSIBLE


def parse(data: bytes, where: str) -> Quote:
    """Read a quote.

    Raises InputError for what is malformed or not known, MismatchError for the quote of another vendor.
    """
    if len(data) > MAX_SIZE:
        raise InputError(f"{where}: has {len(data)} bytes, more than the {MAX_SIZE} of a quote")
    reader = _Reader(data, where)
    version = reader.number(2, "the version")
    reader.expect(2, "the type of the attestation key", _ECDSA_P256)
    tee = _tee(reader.number(4, "the TEE type"), version, where)
    reader.take(4, "the header")  # version 3: security versions of QE and PCE; afterwards reserved
    _check_vendor(reader.take(16, "the QE vendor id"), where)
    user_data = reader.take(20, "the header")
    report = _report(reader, version, tee, where)
    signature_data = reader.within(reader.number(4, "the size of the signature data"), "the signature data")
    pck_chain = _pck_chain(signature_data, version)
    size, behind = reader.position, reader.rest()
    if any(behind):
        raise InputError(f"{where}: has bytes behind the quote that are not zero")
    return Quote(
        data=data[:size],
        padding=len(behind),
        version=version,
        tee=tee,
        user_data=user_data,
        report=report,
        pck_chain=pck_chain,
    )


def _tee(number: int, version: int, where: str) -> Tee:
    tee = _TEES.get(number)
    if tee is None:
        raise InputError(f"{where}: is a quote of the TEE type {number:#x}; known are SGX (0) and TDX (0x81)")
    if version not in _VERSIONS[tee]:
        known = " and ".join(map(str, _VERSIONS[tee]))
        raise InputError(f"{where}: is a quote of version {version}; known for {tee.upper()} are {known}")
    return tee


def _check_vendor(vendor: bytes, where: str) -> None:
    if vendor != INTEL_VENDOR_ID:
        raise MismatchError.of(
            f"check 'QE vendor': {where}", expected=f"{INTEL_VENDOR_ID.hex()} (Intel)", actual=vendor.hex()
        )


def _report(reader: _Reader, version: int, tee: Tee, where: str) -> Report:
    """The body. Before version 5 the TEE type alone says what it is."""
    if version < 5:
        layout = _BODIES[tee][0]
        return Report(layout, reader.take(layout.size, "the report"))
    number = reader.number(2, "the type of the body")
    known = _BODY_TYPES.get(number)
    if known not in _BODIES[tee] or known is None:
        raise InputError(
            f"{where}: is a {tee.upper()} quote with a body of type {number}, which is not known"
        )
    reader.expect(4, "the size of the body", known.size)
    return Report(known, reader.take(known.size, "the report"))


def _pck_chain(reader: _Reader, version: int) -> bytes:
    """The PCK certificate chain; everything in front of it is left to the library."""
    reader.take(_SIGNATURE_SIZE, "the signature")
    reader.take(_KEY_SIZE, "the attestation key")
    inner = reader
    if version > 3:
        reader.expect(2, "the type of the outer certification data", _QE_REPORT_CERTIFICATION_DATA)
        inner = reader.within(
            reader.number(4, "the size of the certification data"), "the certification data"
        )
        reader.end("the signature data")
    inner.take(SGX_REPORT.size, "the report of the quoting enclave")
    inner.take(_SIGNATURE_SIZE, "the signature of that report")
    inner.take(inner.number(2, "the size of the authentication data"), "the authentication data")
    inner.expect(2, "the type of the certification data", _PCK_CERT_CHAIN)
    chain = inner.take(inner.number(4, "the size of the PCK chain"), "the PCK chain")
    inner.end("the certification data")
    return chain
