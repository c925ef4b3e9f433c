"""Evidence of the simulated TEE (docs/formats.md section 13): an EAT (RFC 9711) in a COSE_Sign1 message.

Nothing about it is protected by hardware. So it cannot be taken for anything else: it has a profile, a claim
and certificates of its own, a critical extension in those that ordinary verifiers refuse, and no root that
anybody trusts unless told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from measure.evidence import cbor, x509
from measure.evidence.chain import Chain, Roots, verify_chain
from measure.evidence.cose import ALGORITHM, CONTENT_TYPE, X5CHAIN, Sign1
from measure.evidence.model import Claim, File, Identity, Value
from measure.evidence.validity import check_validity, rfc3339
from olos.errors import InputError, MismatchError

PROFILE = "urn:uuid:b0ec35b8-3f4f-4a19-8ebb-1c3d54b6d559"
"""The EAT profile (RFC 9711, section 4.3.2)."""
EXTENSION = "2.25.235170598882043719799641300614159717721"
"""The critical extension of the certificates: the same UUID as an OID (ITU-T X.667, section 7)."""
MEDIA_TYPE = "application/eat+cwt"
SIZE_LIMIT = 8 << 10

_PARAMETERS = frozenset({ALGORITHM, CONTENT_TYPE, X5CHAIN})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_SECONDS = 253402300799  # the end of the year 9999
_MAX_NUMBER = 65535

_ISSUED, _NONCE, _DEBUG_STATUS, _PROFILE = 6, 10, 263, 265
_SIMULATED, _MEASUREMENT, _SIGNER, _PRODUCT_ID, _SECURITY_VERSION, _TARGET = range(-70001, -70007, -1)
_OPTIONAL = {_SIGNER}
_CLAIMS = {
    _ISSUED, _NONCE, _DEBUG_STATUS, _PROFILE,
    _SIMULATED, _MEASUREMENT, _SIGNER, _PRODUCT_ID, _SECURITY_VERSION, _TARGET,
}  # fmt: skip
_DEBUG_ENABLED, _DEBUG_DISABLED = 0, 1


@dataclass(frozen=True, kw_only=True)
class _Claims:
    """The payload of a message that is well-formed."""

    issued: datetime
    report_data: bytes
    debug: bool
    measurement: bytes
    signer: bytes | None
    product_id: int
    security_version: int
    target: str


class Simulated:
    """The format "evidence of the simulated TEE"."""

    name = "evidence of the simulated TEE"

    def recognises(self, data: bytes) -> bool:
        """By the first bytes of a tagged COSE_Sign1 message, and the profile."""
        return data.startswith(b"\xd2\x84") and PROFILE.encode() in data

    def verify(
        self, evidence: File, *, collateral: tuple[File, ...], roots: tuple[File, ...], time: datetime
    ) -> Identity:
        """See `Evidence.verify`. The root must be given: each simulated TEE has one of its own."""
        if len(evidence.data) > SIZE_LIMIT:
            raise InputError(f"{evidence.name}: has more than {SIZE_LIMIT} bytes")
        message = Sign1.decode(evidence.data, evidence.name, parameters=_PARAMETERS, deterministic=True)
        leaf, *others = _certificates(message)
        claims = _claims(message.payload, evidence.name)
        chain = _chain(leaf, others, roots, time)
        message.verify(leaf.key)
        check_validity(
            f"check 'issued at': {evidence.name}", chain.valid_from, chain.valid_until, claims.issued
        )
        return _identity(claims, chain)


SIMULATED = Simulated()


def _certificates(message: Sign1) -> tuple[x509.Certificate, ...]:
    """The certificates that the message brings along, that of the signing key first."""
    if message.header[CONTENT_TYPE] != MEDIA_TYPE:
        raise InputError(f"{message.where}: has another content type than {MEDIA_TYPE}")
    chain = message.header[X5CHAIN]
    if not isinstance(chain, tuple) or len(chain) != 2:
        raise InputError(f"{message.where}: does not bring along two certificates")
    found = []
    for index, one in enumerate(chain):
        if not isinstance(one, bytes):
            raise InputError(f"{message.where}: x5chain[{index}] is no certificate")
        found.append(x509.parse(one, f"{message.where}: x5chain[{index}]"))
    return tuple(found)


def _chain(
    leaf: x509.Certificate, others: list[x509.Certificate], roots: tuple[File, ...], time: datetime
) -> Chain:
    trusted, given = Roots({}).replaced_by(roots)
    if not given:
        root = others[-1]
        raise InputError(
            f"{root.where}: a simulated TEE has no root that is known: {root.fingerprint.hex}",
            hint="say which root is trusted: --root FILE; './app.olos --olos-sim-root' prints it",
        )
    for certificate in (leaf, *others):
        marker = certificate.extensions.get(EXTENSION)
        if marker is None or not marker.critical:
            raise MismatchError.of(
                f"check 'simulated': {certificate.where}",
                expected="a certificate that says of itself that it is of a simulation",
                actual="one that does not",
            )
    return verify_chain(leaf, others, _brought_along(others[-1], trusted), time, understood={EXTENSION})


def _brought_along(root: x509.Certificate, trusted: Roots) -> Roots:
    """The root that the message brings along, which must be one of those that are trusted."""
    name = trusted.name_of(root)
    if name is None:
        raise MismatchError.of(
            f"check 'root': {root.where}",
            expected=" or ".join(f"{name} ({digits})" for digits, name in trusted.pinned.items()),
            actual=f"{root.common_name!r} ({root.fingerprint.hex})",
        )
    return Roots({root.fingerprint.hex: name})


def _identity(claims: _Claims, chain: Chain) -> Identity:
    return Identity(
        tee="simulated",
        simulated=True,
        measurement=Value("measurement", claims.measurement),
        debug=claims.debug,
        report_data=Value("report data", claims.report_data),
        signer=None if claims.signer is None else Value("signer", claims.signer),
        product_id=claims.product_id,
        security_version=claims.security_version,
        valid_from=chain.valid_from,
        valid_until=chain.valid_until,
        claims=(
            Claim("root", chain.root),
            Claim("target", claims.target),
            Claim("made", rfc3339(claims.issued)),
        ),
    )


def _claims(payload: bytes, where: str) -> _Claims:
    """Read the payload. Raises InputError naming the claim that is wrong."""
    claims = cbor.decode(payload, where, deterministic=True)
    if not isinstance(claims, Mapping):
        raise InputError(f"{where}: is no CBOR map")
    for label in claims:
        if label not in _CLAIMS:
            raise InputError(f"{where}: has the unknown claim {str(label)[:80]!r}")
    for label in sorted(_CLAIMS - _OPTIONAL):
        if label not in claims:
            raise InputError(f"{where}: has no claim {label}")
    if claims[_PROFILE] != PROFILE or claims[_SIMULATED] is not True:
        raise InputError(f"{where}: is no evidence of the simulated TEE")
    debug = _number(claims, _DEBUG_STATUS, _DEBUG_DISABLED, where)
    return _Claims(
        issued=_EPOCH + timedelta(seconds=_number(claims, _ISSUED, _MAX_SECONDS, where)),
        report_data=_bytes(claims, _NONCE, 64, where),
        debug=debug == _DEBUG_ENABLED,
        measurement=_bytes(claims, _MEASUREMENT, 32, where),
        signer=_bytes(claims, _SIGNER, 32, where) if _SIGNER in claims else None,
        product_id=_number(claims, _PRODUCT_ID, _MAX_NUMBER, where),
        security_version=_number(claims, _SECURITY_VERSION, _MAX_NUMBER, where),
        target=_target(claims[_TARGET], where),
    )


def _number(claims: Mapping[int | str, cbor.Item], label: int, most: int, where: str) -> int:
    value = claims[label]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InputError(f"{where}: claim {label}: is no number from 0 to {most}")
    return value


def _bytes(claims: Mapping[int | str, cbor.Item], label: int, size: int, where: str) -> bytes:
    value = claims[label]
    if not isinstance(value, bytes) or len(value) != size:
        raise InputError(f"{where}: claim {label}: is not {size} bytes")
    return value


def _target(value: cbor.Item, where: str) -> str:
    if value != "linux":
        raise InputError(f"{where}: claim {_TARGET}: {value!r:.80} is no target that simulates a TEE")
    return value
