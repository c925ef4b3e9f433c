"""Attested certificates: the verifier of init and the relying party's accept and refuse the same."""

import errno
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.demands import Demands
from measure.evidence.formats import verify as verify_in_python
from measure.evidence.model import File
from olos.errors import InputError, MismatchError
from support import tee as tee_support
from support.certificates import DAY, TIME, Party, Terms, ec_key, issue, rsa_key
from support.evidence_simulated import simulated_world

WORLD = simulated_world()
NOW = int(TIME.timestamp())
LAX = Demands(allow_simulated=True, allow_debug=True)
KEY = ec_key("app", ec.SECP256R1)
GOOD = WORLD.attested(KEY)
EXTENSION = "2.23.133.5.4.9"
TERMS = Terms(ca=False, key_usage=False)
CODES = {-errno.EBADMSG: InputError, -errno.EKEYREJECTED: MismatchError, -errno.EKEYEXPIRED: MismatchError}
STRIDE = 3


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def in_c(program: Path, *items: bytes) -> list[tuple[int, tee_support.Identity | None]]:
    return tee_support.verify(program, items, [WORLD.root.der], NOW, "certificate")


def in_python(item: bytes) -> type[Exception] | None:
    try:
        verify_in_python(File("certificate", item), LAX, roots=WORLD.roots, time=TIME)
    except (InputError, MismatchError) as error:
        return type(error)
    return None


def with_message(value: bytes, terms: Terms = TERMS) -> Party:
    """A certificate with another content of the extension."""
    return issue("app", KEY, None, replace(terms, digest=hashes.SHA256(), extensions={EXTENSION: value}))


def message(evidence: bytes, kind: str = "application/eat+cwt", indicator: int = 4) -> bytes:
    return cbor2.dumps([kind, evidence, indicator])


def evidence_of(key: ec.EllipticCurvePrivateKey, digest: bytes | None = None) -> bytes:
    found = hashlib.sha256(spki(key)).digest() if digest is None else digest
    return WORLD.evidence({10: found.ljust(64, b"\0")}).data


@pytest.mark.parametrize(
    ("curve", "digest"),
    [(ec.SECP256R1, hashlib.sha256), (ec.SECP384R1, hashlib.sha384)],
    ids=["P-256", "P-384"],
)
def test_good_ones(tee: Path, curve: type[ec.EllipticCurve], digest: Callable[[bytes], Any]) -> None:
    key = ec_key("good", curve)
    item = WORLD.attested(key).der
    ((code, identity),) = in_c(tee, item)
    assert (code, in_python(item)) == (0, None)
    assert identity is not None
    assert identity.key_digest == digest(spki(key)).digest().ljust(48, b"\0")
    assert identity.report_data == identity.key_digest.ljust(64, b"\0")


P521 = ec_key("large", ec.SECP521R1)
LATE = Terms(ca=False, key_usage=False, start=TIME - 2 * DAY, end=TIME - timedelta(minutes=6))
EARLY = replace(LATE, start=TIME + timedelta(minutes=6), end=TIME + DAY)
ALMOST = replace(LATE, end=TIME - timedelta(minutes=4))
BAD = {
    "another type": (with_message(message(evidence_of(KEY), "application/eat+jwt")).der, errno.EBADMSG),
    "no evidence": (with_message(message(evidence_of(KEY), indicator=2)).der, errno.EBADMSG),
    "tagged": (with_message(cbor2.dumps(cbor2.CBORTag(1, b"x"))).der, errno.EBADMSG),
    "behind": (with_message(message(evidence_of(KEY)) + b"\0").der, errno.EBADMSG),
    "empty": (with_message(b"").der, errno.EBADMSG),
    "damaged evidence": (with_message(message(evidence_of(KEY)[:-1])).der, errno.EBADMSG),
    "another extension": (issue("app", KEY, None, replace(TERMS, digest=hashes.SHA256())).der, errno.EBADMSG),
    "another key": (
        with_message(message(evidence_of(ec_key("other", ec.SECP256R1)))).der,
        errno.EKEYREJECTED,
    ),
    "digest too long": (
        with_message(message(evidence_of(KEY, hashlib.sha256(spki(KEY)).digest() + b"\1"))).der,
        errno.EKEYREJECTED,
    ),
    "last byte": (
        with_message(message(evidence_of(KEY, hashlib.sha256(spki(KEY)).digest() + bytes(31) + b"\1"))).der,
        errno.EKEYREJECTED,
    ),
    "wrong digest": (
        with_message(message(evidence_of(KEY, hashlib.sha384(spki(KEY)).digest()))).der,
        errno.EKEYREJECTED,
    ),
    "another root": (simulated_world("stranger").attested(KEY).der, errno.EKEYREJECTED),
    "expired": (with_message(message(evidence_of(KEY)), LATE).der, errno.EKEYEXPIRED),
    "not yet": (with_message(message(evidence_of(KEY)), EARLY).der, errno.EKEYEXPIRED),
    "P-521": (
        issue("app", P521, None, replace(TERMS, extensions={EXTENSION: message(evidence_of(P521))})).der,
        errno.EBADMSG,
    ),
    "RSA": (
        issue(
            "app", rsa_key("app"), None, replace(TERMS, extensions={EXTENSION: message(evidence_of(KEY))})
        ).der,
        errno.EBADMSG,
    ),
    "issued by another": (
        issue(
            "app",
            KEY,
            Party("else", ec_key("else")),
            replace(TERMS, extensions={EXTENSION: message(evidence_of(KEY))}),
        ).der,
        errno.EKEYREJECTED,
    ),
    "nothing": (b"\x30\x00", errno.EBADMSG),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_ones(tee: Path, name: str) -> None:
    item, code = BAD[name]
    ((found, _),) = in_c(tee, item)
    assert (found, in_python(item)) == (-code, CODES[-code])


def test_almost_expired(tee: Path) -> None:
    item = with_message(message(evidence_of(KEY)), ALMOST).der
    ((code, _),) = in_c(tee, item)
    assert (code, in_python(item)) == (0, None)


def test_no_byte_can_be_changed(tee: Path) -> None:
    """Each is signed, or is the signature."""
    changed = [
        GOOD.der[:at] + bytes([GOOD.der[at] ^ 1]) + GOOD.der[at + 1 :]
        for at in range(0, len(GOOD.der), STRIDE)
    ]
    assert {code for code, _ in in_c(tee, *changed)} <= CODES.keys()


def test_none_can_be_cut_off(tee: Path) -> None:
    cut = [GOOD.der[:size] for size in range(0, len(GOOD.der), 7)]
    assert {code for code, _ in in_c(tee, *cut, GOOD.der + b"\0")} == {-errno.EBADMSG}
