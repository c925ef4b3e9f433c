"""Certificates as the makers of hardware issue them (RFC 5280).

Read by our own code, since these certificates are not quite what libraries take: AMD's have the serial
number 0, others have a NULL behind ecdsa-with-SHA256. The bytes that are signed are kept as they are.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

from measure.evidence import der
from measure.evidence.model import File
from measure.evidence.signatures import PublicKey, load_key, same_algorithm
from olos.digest import Digest
from olos.errors import InputError

MAX_CERTIFICATES = 64
_MAX_SIZE = 64 << 10
_COMMON_NAME = "2.5.4.3"
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")
_VERSION_3 = 2


@dataclass(frozen=True)
class Extension:
    """One extension: whether those who do not know it must refuse the certificate, and its content."""

    critical: bool
    value: bytes


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate of version 3 that was read, but not believed. `where` names it for messages."""

    where: str
    raw: bytes
    tbs: bytes
    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    spki: bytes
    signature_algorithm: bytes
    signature: bytes
    extensions: Mapping[str, Extension] = field(hash=False)

    @cached_property
    def fingerprint(self) -> Digest:
        """The SHA-256 of the whole certificate."""
        return Digest.sha256(self.raw)

    @cached_property
    def common_name(self) -> str:
        """The CN of the subject, or an empty string."""
        return _common_name(self.subject, self.where)

    @property
    def issuer_name(self) -> str:
        """The CN of the issuer, or an empty string."""
        return _common_name(self.issuer, self.where)

    @cached_property
    def key(self) -> PublicKey:
        """The public key. Raises InputError for a kind that is not used for evidence."""
        return load_key(self.spki, self.where)


def load_certificates(file: File) -> tuple[Certificate, ...]:
    """All certificates of a PEM file, in its order, or the one of a DER file.

    Text between certificates is skipped. Raises InputError if there is none, too many, or a malformed one.
    """
    if b"-----BEGIN" not in file.data:
        return (parse(file.data, file.name),)
    blocks = _PEM.findall(file.data)
    if not blocks or len(blocks) != file.data.count(b"CERTIFICATE-----") // 2:
        raise InputError(f"{file.name}: is no PEM file of certificates")
    if len(blocks) > MAX_CERTIFICATES:
        raise InputError(f"{file.name}: has {len(blocks)} certificates, more than {MAX_CERTIFICATES}")
    places = [f"{file.name}: certificate {number}" for number in range(1, len(blocks) + 1)]
    if len(blocks) == 1:
        places = [file.name]
    return tuple(parse(_base64(block, where), where) for block, where in zip(blocks, places, strict=True))


def _base64(text: bytes, where: str) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except binascii.Error as exc:
        raise InputError(f"{where}: has a damaged PEM block") from exc


def parse(data: bytes, where: str) -> Certificate:
    """Read one certificate in DER. Raises InputError naming `where`."""
    if len(data) > _MAX_SIZE:
        raise InputError(f"{where}: is too large for a certificate")
    outer = der.single(data, der.SEQUENCE, where)
    tbs, algorithm, signature = _exactly(outer, 3, where)
    parts = der.elements(der.expect(tbs, der.SEQUENCE, where).content, where)
    if len(parts) < 8 or parts[0].tag != der.context(0) or parts[-1].tag != der.context(3):
        raise InputError(f"{where}: is no X.509 certificate of version 3")
    _check_head(parts, algorithm, where)
    validity = _exactly(der.expect(parts[4], der.SEQUENCE, where), 2, where)
    return Certificate(
        where=where,
        raw=data,
        tbs=tbs.raw,
        issuer=der.expect(parts[3], der.SEQUENCE, where).content,
        subject=der.expect(parts[5], der.SEQUENCE, where).content,
        not_before=der.time(validity[0], where),
        not_after=der.time(validity[1], where),
        spki=der.expect(parts[6], der.SEQUENCE, where).raw,
        signature_algorithm=algorithm.raw,
        signature=der.bits(signature, where),
        extensions=_extensions(parts[-1], where),
    )


def _check_head(parts: tuple[der.Element, ...], algorithm: der.Element, where: str) -> None:
    """Version and algorithm; of the serial number only that it is one, since AMD's is 0."""
    version = der.integer(der.single(parts[0].content, der.INTEGER, where), where)
    if version != _VERSION_3:
        raise InputError(f"{where}: is an X.509 certificate of version {version + 1}, expected 3")
    der.integer(parts[1], where)
    if not same_algorithm(parts[2].raw, algorithm.raw, where):
        raise InputError(f"{where}: names two different signature algorithms")


def _extensions(element: der.Element, where: str) -> Mapping[str, Extension]:
    found: dict[str, Extension] = {}
    for entry in der.elements(der.single(element.content, der.SEQUENCE, where).content, where):
        parts = der.elements(der.expect(entry, der.SEQUENCE, where).content, where)
        if len(parts) not in (2, 3):
            raise InputError(f"{where}: has an extension of {len(parts)} parts")
        name = der.oid(parts[0], where)
        if name in found:
            raise InputError(f"{where}: has the extension {name} twice")
        critical = len(parts) == 3 and der.boolean(parts[1], where)
        found[name] = Extension(critical, der.expect(parts[-1], der.OCTET_STRING, where).content)
    return MappingProxyType(found)


def _common_name(name: bytes, where: str) -> str:
    for relative in der.elements(name, where):
        for attribute in der.elements(relative.content, where):
            kind, value = _exactly(attribute, 2, where)
            if der.oid(kind, where) == _COMMON_NAME and value.tag in der.STRINGS:
                return value.content.decode(der.STRINGS[value.tag], "replace")
    return ""


def _exactly(element: der.Element, count: int, where: str) -> tuple[der.Element, ...]:
    parts = der.elements(der.expect(element, der.SEQUENCE, where).content, where)
    if len(parts) != count:
        raise InputError(f"{where}: has a sequence of {len(parts)} elements, expected {count}")
    return parts
