"""The collateral of DCAP quotes: what Intel says of a platform's TCB, and what it has revoked.

A JSON object as the library dcap-qvl writes it (`QuoteCollateralV3`): certificate chains in PEM,
revocation lists in DER and signatures as hexadecimal digits, and two JSON documents as they were signed
(Intel PCS API version 4, "TCB Info" version 3 and "Enclave Identity" version 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from measure.evidence import der
from measure.evidence.model import File
from olos import canonical
from olos.errors import InputError
from olos.fields import Fields

MAX_SIZE = 1 << 20

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MAX_NUMBER = 2**32 - 1
_CRL_VERSION_2 = 1
_CRL_PARTS = 5  # version, algorithm, issuer, thisUpdate, nextUpdate


@dataclass(frozen=True)
class Period:
    """From when until when something is valid."""

    what: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Document:
    """A signed JSON document, of which nothing is believed yet: its text, and what olos reads of it."""

    text: str
    signature: bytes
    issuer_chain: str
    id: str
    """`SGX` or `TDX` of TCB info; `QE` or `TD_QE` of the quoting enclave's identity."""
    period: Period
    evaluation_number: int
    """`tcbEvaluationDataNumber`: grows with each of Intel's TCB recoveries."""


@dataclass(frozen=True, kw_only=True)
class Collateral:
    """Collateral that is well-formed. `where` names it for messages."""

    where: str
    tcb_info: Document
    fmspc: bytes
    """The kind of platform that the TCB info is about."""
    pce_id: bytes
    qe_identity: Document
    pck_crl_issuer_chain: str
    root_ca_crl: bytes
    pck_crl: bytes
    periods: tuple[Period, ...]
    """When documents and revocation lists are valid."""


def parse(file: File) -> Collateral:
    """Read collateral. Raises InputError, naming the key, for what is malformed, missing or unknown."""
    where = file.name
    if len(file.data) > MAX_SIZE:
        raise InputError(f"{where}: has {len(file.data)} bytes, more than the limit of {MAX_SIZE}")
    fields = Fields(canonical.parse(file.data, where=where), where)
    tcb_info, tcb_fields = _document(fields, "tcb_info", "TCBInfo")
    qe_identity, _ = _document(fields, "qe_identity", "QE identity")
    root_ca_crl, pck_crl = _hex(fields, "root_ca_crl"), _hex(fields, "pck_crl")
    if fields.optional("pck_certificate_chain") and fields.raw("pck_certificate_chain") is not None:
        fields.text("pck_certificate_chain")  # not needed: that of the quote itself is used
    collateral = Collateral(
        where=where,
        tcb_info=tcb_info,
        fmspc=_hex(tcb_fields, "fmspc"),
        pce_id=_hex(tcb_fields, "pceId"),
        qe_identity=qe_identity,
        pck_crl_issuer_chain=fields.text("pck_crl_issuer_chain"),
        root_ca_crl=root_ca_crl,
        pck_crl=pck_crl,
        periods=(
            tcb_info.period,
            qe_identity.period,
            _crl_period(root_ca_crl, "the revocation list of the root CA", fields.where("root_ca_crl")),
            _crl_period(pck_crl, "the revocation list of the PCK CA", fields.where("pck_crl")),
        ),
    )
    fields.done()
    return collateral


def _document(fields: Fields, key: str, name: str) -> tuple[Document, Fields]:
    """A signed document, and its members: those that olos does not ask for are Intel's to choose."""
    text, where = fields.text(key), fields.where(key)
    members = Fields(canonical.parse(text.encode(), where=where), where)
    document = Document(
        text=text,
        signature=_hex(fields, f"{key}_signature"),
        issuer_chain=fields.text(f"{key}_issuer_chain"),
        id=members.text("id"),
        period=Period(name, _time(members, "issueDate"), _time(members, "nextUpdate")),
        evaluation_number=members.number("tcbEvaluationDataNumber", 0, _MAX_NUMBER),
    )
    return document, members


def _hex(fields: Fields, key: str) -> bytes:
    text = fields.text(key)
    if not _HEX.fullmatch(text):
        raise InputError(f"{fields.where(key)}: is not made of hexadecimal digits")
    return bytes.fromhex(text)


def _time(fields: Fields, key: str) -> datetime:
    text = fields.text(key)
    if not _TIME.fullmatch(text):
        raise InputError(f"{fields.where(key)}: {text[:40]!r} is no time of the form 2026-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError as exc:
        raise InputError(f"{fields.where(key)}: {text!r} is no time of the calendar") from exc


def _crl_period(crl: bytes, what: str, where: str) -> Period:
    """The times of a revocation list of version 2 (RFC 5280, section 5.1)."""
    signed = der.elements(der.single(crl, der.SEQUENCE, where).content, where)[:1]
    parts = der.elements(der.expect(signed[0], der.SEQUENCE, where).content, where) if signed else ()
    if len(parts) < _CRL_PARTS or der.integer(parts[0], where) != _CRL_VERSION_2:
        raise InputError(
            f"{where}: is no certificate revocation list of version 2 that says how long it is valid"
        )
    return Period(what, der.time(parts[3], where), der.time(parts[4], where))
