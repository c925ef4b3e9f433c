"""From a certificate up to a trusted root (RFC 5280, section 6, without name constraints and policies).

The certificates between may come in any order, with others that are not needed among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from measure.evidence import der
from measure.evidence.model import File
from measure.evidence.signatures import verify_x509
from measure.evidence.validity import check_validity
from measure.evidence.x509 import Certificate, load_certificates
from olos.errors import InputError, MismatchError

_MAX_LENGTH = 8
_BASIC_CONSTRAINTS, _KEY_USAGE = "2.5.29.19", "2.5.29.15"
_UNDERSTOOD = {_BASIC_CONSTRAINTS, _KEY_USAGE}
_KEY_CERT_SIGN = 0x04  # bit 5 of the first byte


@dataclass(frozen=True)
class Roots:
    """Which certificates end a chain: fingerprints (SHA-256, hexadecimal) and the names of the roots."""

    pinned: Mapping[str, str]

    def replaced_by(self, files: tuple[File, ...]) -> tuple[Roots, tuple[Certificate, ...]]:
        """The roots that files name in place of these, if there are any, and their certificates."""
        given = tuple(certificate for file in files for certificate in load_certificates(file))
        if not given:
            return self, ()
        return Roots(
            {one.fingerprint.hex: f"{one.common_name}, given by {one.where}" for one in given}
        ), given

    def name_of(self, certificate: Certificate) -> str | None:
        """The name of a root, or None if the certificate is none."""
        return self.pinned.get(certificate.fingerprint.hex)


@dataclass(frozen=True)
class Chain:
    """A chain that holds: from the certificate itself to the root, and the root's name."""

    certificates: tuple[Certificate, ...]
    root: str

    @property
    def valid_from(self) -> datetime:
        """When all of them are valid."""
        return max(certificate.not_before for certificate in self.certificates)

    @property
    def valid_until(self) -> datetime:
        """Until when all of them are valid."""
        return min(certificate.not_after for certificate in self.certificates)


def verify_chain(
    leaf: Certificate,
    others: Iterable[Certificate],
    roots: Roots,
    time: datetime,
    *,
    understood: Set[str] = frozenset(),
) -> Chain:
    """The chain from a certificate to one of the roots.

    `understood` are critical extensions that the caller knows, besides the usual ones.

    Raises InputError if a certificate is missing, MismatchError if a signature is wrong, the root is not
    trusted, a certificate may not issue others, or one is not valid at this time.
    """
    pool, path = tuple(others), [leaf]
    while (name := roots.name_of(path[-1])) is None:
        if _self_issued(path[-1]) or len(path) == _MAX_LENGTH:
            raise MismatchError.of(
                f"check 'root': the root of {leaf.where}",
                expected=" or ".join(f"{name} ({digits})" for digits, name in roots.pinned.items()),
                actual=f"{path[-1].common_name!r} ({path[-1].fingerprint.hex})",
            )
        path.append(_issuer(path[-1], pool))
    for depth, certificate in enumerate(path):
        _check(certificate, depth, time, understood)
    return Chain(tuple(path), name)


def _self_issued(certificate: Certificate) -> bool:
    return certificate.issuer == certificate.subject


def _issuer(certificate: Certificate, pool: tuple[Certificate, ...]) -> Certificate:
    """The certificate that issued another one, found by its name and by the signature."""
    named = [other for other in pool if other.subject == certificate.issuer]
    if not named:
        raise InputError(
            f"{certificate.where}: the certificate of its issuer, {certificate.issuer_name!r}, is missing",
            hint="give all certificates of the chain, the root included: --collateral FILE",
        )
    for other in named:
        if _signed_by(certificate, other):
            return other
    raise MismatchError.of(
        f"check 'certificate signature': {certificate.where} ({certificate.common_name!r})",
        expected=f"a signature by {named[0].common_name!r}",
        actual="a signature that is not by this key, or not of this certificate",
    )


def _signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    return verify_x509(
        issuer.key,
        certificate.signature_algorithm,
        certificate.signature,
        certificate.tbs,
        certificate.where,
    )


def _check(certificate: Certificate, depth: int, time: datetime, understood: Set[str]) -> None:
    """What must hold of a certificate `depth` steps above the one that is verified."""
    what = f"{certificate.where} ({certificate.common_name!r})"
    check_validity(f"check 'validity': {what}", certificate.not_before, certificate.not_after, time)
    for name, extension in certificate.extensions.items():
        if extension.critical and name not in _UNDERSTOOD | understood:
            raise InputError(f"{what}: has a critical extension that is not known: {name}")
    if depth:
        _check_issuer(certificate, depth, what)


def _check_issuer(certificate: Certificate, depth: int, what: str) -> None:
    constraints = certificate.extensions.get(_BASIC_CONSTRAINTS)
    is_ca, limit = _basic_constraints(constraints.value, what) if constraints else (False, None)
    usage = certificate.extensions.get(_KEY_USAGE)
    may_sign = usage is None or bool(_key_usage(usage.value, what) & _KEY_CERT_SIGN)
    if not is_ca or not may_sign or (limit is not None and depth - 1 > limit):
        raise MismatchError.of(
            f"check 'issuer': {what}",
            expected=f"a certificate that may issue others, {depth - 1} levels of issuers below it",
            actual="a certificate that may not" if limit is None else f"one that may have {limit} below it",
        )


def _basic_constraints(value: bytes, where: str) -> tuple[bool, int | None]:
    """Whether the subject is a CA, and how many may be below it (RFC 5280, section 4.2.1.9)."""
    parts = list(der.elements(der.single(value, der.SEQUENCE, where).content, where))
    is_ca = bool(parts) and parts[0].tag == der.BOOLEAN and der.boolean(parts.pop(0), where)
    limit = der.integer(parts.pop(0), where) if parts else None
    if parts:
        raise InputError(f"{where}: has basic constraints of too many parts")
    return is_ca, limit


def _key_usage(value: bytes, where: str) -> int:
    """The first eight bits of the key usage (section 4.2.1.3)."""
    content = der.single(value, der.BIT_STRING, where).content
    if len(content) not in (2, 3) or content[0] > 7:
        raise InputError(f"{where}: has a key usage that is no DER")
    return content[1]
