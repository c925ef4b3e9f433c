"""The verifier of init, against the relying party's: they accept and refuse the same evidence."""

import errno
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest

from measure.evidence.demands import Demands
from measure.evidence.formats import verify as verify_in_python
from measure.evidence.model import File
from olos.errors import InputError, MismatchError
from support import tee as tee_support
from support.certificates import DAY, TIME, Party, Terms, ec_key, issue
from support.evidence_simulated import (
    SIMULATED_EXTENSION,
    SIMULATED_MEASUREMENT,
    SIMULATED_SIGNER,
    SimulatedWorld,
    simulated_world,
)
from support.evidence_snp import REPORT_DATA

WORLD = simulated_world()
NOW = int(TIME.timestamp())
SKEW = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
LAX = Demands(allow_simulated=True, allow_debug=True)
MALFORMED, REJECTED, EXPIRED = -errno.EBADMSG, -errno.EKEYREJECTED, -errno.EKEYEXPIRED


def in_c(
    program: Path, message: bytes, world: SimulatedWorld = WORLD, time: datetime = TIME
) -> tuple[int, tee_support.Identity | None]:
    (verdict,) = tee_support.verify(program, [message], [world.root.der], int(time.timestamp()))
    return verdict


def in_python(message: bytes, world: SimulatedWorld = WORLD, time: datetime = TIME) -> type[Exception] | None:
    try:
        verify_in_python(File("evidence", message), LAX, roots=world.roots, time=time)
    except (InputError, MismatchError) as error:
        return type(error)
    return None


def agree(
    program: Path, message: bytes, code: int, world: SimulatedWorld = WORLD, time: datetime = TIME
) -> None:
    """Both come to the same end, and C to this one."""
    assert in_c(program, message, world, time)[0] == code
    expected = {0: None, MALFORMED: InputError, REJECTED: MismatchError, EXPIRED: MismatchError}[code]
    assert in_python(message, world, time) is expected


@pytest.mark.parametrize("changes", [{}, {-70003: None}, {263: 0}], ids=["signed", "unsigned", "debug"])
def test_good_evidence(tee: Path, changes: Mapping[int, Any]) -> None:
    code, identity = in_c(tee, WORLD.evidence(changes).data)
    flags = 1 | (2 if changes.get(263) == 0 else 0) | (0 if -70003 in changes else 4)
    assert (code, in_python(WORLD.evidence(changes).data)) == (0, None)
    assert identity == tee_support.Identity(
        flags=flags,
        product_id=7,
        security_version=3,
        measurement=SIMULATED_MEASUREMENT,
        signer=bytes(32) if -70003 in changes else SIMULATED_SIGNER,
        report_data=REPORT_DATA,
        issued=NOW,
        valid_from=NOW - int(DAY.total_seconds()),
        valid_until=NOW + int(DAY.total_seconds()),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {6: -1}, {6: True}, {6: 253402300800}, {10: bytes(63)}, {10: None}, {263: 2}, {265: "urn:other"},
        {-70001: False}, {-70001: None}, {-70002: bytes(31)}, {-70003: "signer"}, {-70004: 65536},
        {-70005: None}, {-70006: "snp"}, {1: "more"}, {-70007: 1},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_claims(tee: Path, changes: Mapping[int, Any]) -> None:
    agree(tee, WORLD.evidence(changes).data, MALFORMED)


def reordered() -> bytes:
    return cbor2.dumps(dict(reversed(WORLD.claims().items())))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\xa0", b"\xf6", b"\xbf\xff", reordered(), cbor2.dumps(WORLD.claims()) + b"\0",
        b"\xbf" + cbor2.dumps(WORLD.claims())[1:] + b"\xff",
        cbor2.dumps(WORLD.claims()).replace(b"\x06\x1a", b"\x18\x06\x1a", 1), b"\xbb" + b"\xff" * 8,
    ],
    ids=["none", "empty", "null", "indefinite", "order", "more", "stream", "long-form", "huge"],
)  # fmt: skip
def test_payloads_that_are_not_deterministic(tee: Path, payload: bytes) -> None:
    agree(tee, WORLD.signed(payload).data, MALFORMED)


@pytest.mark.parametrize(
    "header",
    [{1: -7}, {3: "application/cbor"}, {33: [b"one"]}, {33: b"one"}, {4: b"kid"}, {33: [b"", b""]}],
    ids=str,
)
def test_wrong_headers(tee: Path, header: Mapping[int, Any]) -> None:
    agree(tee, WORLD.signed(cbor2.dumps(WORLD.claims()), header).data, MALFORMED)


def marked(ca: bool = False, **changes: Any) -> Terms:
    terms = Terms(ca=ca, key_usage=ca, extensions={SIMULATED_EXTENSION: b"\x0c\x09simulated"}, critical=True)
    return replace(terms, **changes)


def with_leaf(terms: Terms, issuer: Party | None = None) -> SimulatedWorld:
    leaf = issue("olos simulated TEE", ec_key("simulated leaf"), issuer or WORLD.root, terms)
    return replace(WORLD, leaf=leaf)


def with_root(terms: Terms) -> SimulatedWorld:
    root = issue(WORLD.root.name, ec_key("simulated root"), None, terms)
    return SimulatedWorld(root, issue("leaf", ec_key("simulated leaf"), root, marked()))


@pytest.mark.parametrize(
    ("world", "code"),
    [
        (with_leaf(Terms(ca=False, key_usage=False)), REJECTED),
        (with_leaf(marked(critical=False)), REJECTED),
        (with_leaf(marked(), simulated_world("other").root), REJECTED),
        (with_leaf(marked(extensions={SIMULATED_EXTENSION: b"", "1.2.3.4": b""})), MALFORMED),
        (with_leaf(marked(end=TIME - SKEW - SECOND)), EXPIRED),
        (with_leaf(marked(end=TIME - SKEW)), 0),
        (with_leaf(marked(start=TIME + SKEW + SECOND)), EXPIRED),
        (with_leaf(marked(start=TIME + SKEW)), 0),
        (with_root(marked()), REJECTED),
        (with_root(marked(ca=True, key_usage=False)), REJECTED),
        (with_root(Terms()), REJECTED),
        (with_root(marked(ca=True)), 0),
    ],
    ids=[
        "leaf-unmarked", "leaf-not-critical", "leaf-of-another", "leaf-unknown", "leaf-expired", "leaf-just",
        "leaf-early", "leaf-just-early", "root-no-ca", "root-no-usage", "root-unmarked", "good",
    ],
)  # fmt: skip
def test_certificates(tee: Path, world: SimulatedWorld, code: int) -> None:
    agree(tee, world.evidence().data, code, world)


def test_other_roots_and_keys(tee: Path) -> None:
    other = simulated_world("other")
    assert tee_support.verify(tee, [WORLD.evidence().data], [other.root.der], NOW) == [(REJECTED, None)]
    assert tee_support.verify(tee, [WORLD.evidence().data], [], NOW) == [(REJECTED, None)]
    both = [other.root.der, WORLD.root.der]
    assert [code for code, _ in tee_support.verify(tee, [WORLD.evidence().data], both, NOW)] == [0]
    impostor = replace(WORLD, leaf=replace(WORLD.leaf, key=ec_key("impostor")))
    agree(tee, impostor.evidence().data, REJECTED)


@pytest.mark.parametrize("chain", ["other-root", "leaf-twice"])
def test_the_root_that_comes_along_is_the_trusted_one(tee: Path, chain: str) -> None:
    """Though the leaf was issued by the trusted root."""
    second = simulated_world("other").root if chain == "other-root" else WORLD.leaf
    payload = cbor2.dumps(WORLD.claims(), canonical=True)
    agree(tee, WORLD.signed(payload, {33: [WORLD.leaf.der, second.der]}).data, REJECTED)


@pytest.mark.parametrize(("issued", "code"), [(TIME - DAY - SKEW, 0), (TIME - DAY - SKEW - SECOND, EXPIRED)])
def test_it_was_made_while_the_certificate_is_valid(tee: Path, issued: datetime, code: int) -> None:
    agree(tee, WORLD.evidence({6: int(issued.timestamp())}).data, code)


def test_every_changed_byte_is_found(tee: Path) -> None:
    """Where Python looks at few of them, C looks at all: neither accepts one."""
    good = WORLD.evidence().data
    changed = [good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :] for at in range(len(good))]
    verdicts = tee_support.verify(tee, changed, [WORLD.root.der], NOW)
    assert [at for at, (code, _) in enumerate(verdicts) if code not in (MALFORMED, REJECTED, EXPIRED)] == []
    assert all(in_python(one) for one in changed[::11])


def test_every_length_is_found(tee: Path) -> None:
    good = WORLD.evidence().data
    cut = [good[:size] for size in range(len(good))] + [good + b"\0", good + bytes(9000)]
    assert {code for code, _ in tee_support.verify(tee, cut, [WORLD.root.der], NOW)} == {MALFORMED}
