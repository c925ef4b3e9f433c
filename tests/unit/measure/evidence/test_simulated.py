from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from measure.evidence.demands import Demands
from measure.evidence.formats import format_of, verify
from measure.evidence.model import File, Identity, Value
from measure.evidence.simulated import SIMULATED
from olos.errors import InputError, MismatchError
from support.certificates import DAY, TIME, Terms, ec_key, issue
from support.evidence_nitro import nitro_world
from support.evidence_simulated import SIMULATED_MEASUREMENT, SIMULATED_SIGNER, simulated_world
from support.evidence_snp import REPORT_DATA

WORLD = simulated_world()
LAX = Demands(allow_simulated=True)
SECOND = timedelta(seconds=1)
SKEW = timedelta(minutes=5)


def verified(
    message: File,
    demands: Demands = LAX,
    roots: tuple[File, ...] | None = None,
    time: datetime = TIME,
) -> Identity:
    return verify(message, demands, roots=WORLD.roots if roots is None else roots, time=time)


def test_evidence_says_who_it_is() -> None:
    identity = verified(WORLD.evidence())
    assert (identity.tee, identity.simulated, identity.debug) == ("simulated", True, False)
    assert identity.measurement == Value("measurement", SIMULATED_MEASUREMENT)
    assert identity.signer == Value("signer", SIMULATED_SIGNER)
    assert identity.report_data == Value("report data", REPORT_DATA)
    assert (identity.product_id, identity.security_version) == (7, 3)
    assert (identity.valid_from, identity.valid_until) == (TIME - DAY, TIME + DAY)
    assert {claim.name: claim.value for claim in identity.claims} == {
        "root": "olos simulated TEE root, protects nothing, given by root.pem",
        "target": "linux",
        "made": "2026-01-31T12:00:00Z",
    }


def test_it_is_refused_unless_allowed() -> None:
    for roots in (WORLD.roots, ()):
        with pytest.raises(MismatchError, match="check 'simulated'"):
            verified(WORLD.evidence(), Demands(), roots)


def test_its_root_must_be_given() -> None:
    with pytest.raises(InputError, match="no root that is known") as caught:
        verified(WORLD.evidence(), roots=())
    assert "--olos-sim-root" in (caught.value.hint or "")
    with pytest.raises(MismatchError, match="check 'root'"):
        verified(WORLD.evidence(), roots=simulated_world("other").roots)


def test_ordinary_verifiers_refuse_its_certificates() -> None:
    store = Store([x509.load_der_x509_certificate(WORLD.root.der)])
    policy = PolicyBuilder().store(store).time(TIME)
    with pytest.raises(VerificationError):
        policy.build_client_verifier().verify(x509.load_der_x509_certificate(WORLD.leaf.der), [])


@pytest.mark.parametrize("who", ["root", "leaf"])
def test_certificates_must_say_that_they_are_of_a_simulation(who: str) -> None:
    plain = Terms(ca=who == "root", key_usage=who == "root")
    key = ec_key(f"simulated {who}")
    if who == "root":
        root = issue(WORLD.root.name, key, None, plain)
        world = replace(WORLD, root=root)
    else:
        world = replace(WORLD, leaf=issue("leaf", key, WORLD.root, plain))
    with pytest.raises(MismatchError, match="check 'simulated': evidence.cbor: x5chain"):
        verify(world.evidence(), LAX, roots=world.roots, time=TIME)


def test_unsigned_apps_have_no_signer() -> None:
    assert verified(WORLD.evidence({-70003: None})).signer is None
    with pytest.raises(MismatchError, match="check 'signer'"):
        verified(WORLD.evidence({-70003: None}), Demands(allow_simulated=True, signer=bytes(32)))


def test_debug_is_refused_unless_allowed() -> None:
    message = WORLD.evidence({263: 0})
    with pytest.raises(MismatchError, match="check 'debug'"):
        verified(message)
    assert verified(message, Demands(allow_simulated=True, allow_debug=True)).debug


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({6: "now"}, "claim 6"),
        ({6: -1}, "claim 6"),
        ({6: True}, "claim 6"),
        ({10: b"short"}, "claim 10: is not 64 bytes"),
        ({10: None}, "has no claim 10"),
        ({263: 2}, "claim 263"),
        ({265: "urn:other"}, "is no evidence"),
        ({-70001: False}, "is no evidence of the simulated TEE"),
        ({-70001: None}, "has no claim -70001"),
        ({-70002: bytes(31)}, "claim -70002: is not 32 bytes"),
        ({-70003: "signer"}, "claim -70003"),
        ({-70004: 65536}, "claim -70004: is no number from 0 to 65535"),
        ({-70005: None}, "has no claim -70005"),
        ({-70006: "snp"}, "claim -70006"),
        ({1: "more"}, "unknown claim '1'"),
    ],
    ids=str,
)
def test_what_is_malformed_is_named(changes: Mapping[int, Any], message: str) -> None:
    signed = WORLD.evidence(changes)
    with pytest.raises(InputError, match=message):
        SIMULATED.verify(signed, collateral=(), roots=WORLD.roots, time=TIME)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({1: -7}, "not signed with ES384"),
        ({3: "application/eat"}, "another content type"),
        ({4: b"key"}, "other protected header parameters"),
        ({33: []}, "two certificates"),
        ({33: [b"", b""]}, "x5chain"),
        ({33: [1, 2]}, "is no certificate"),
    ],
    ids=str,
)
def test_a_header_of_another_kind_is_refused(header: Mapping[int, Any], message: str) -> None:
    signed = WORLD.signed(cbor2.dumps(WORLD.claims()), header)
    with pytest.raises(InputError, match=message):
        verified(signed)


def test_a_signature_of_another_is_found() -> None:
    stranger = replace(WORLD, leaf=replace(WORLD.leaf, key=ec_key("stranger")))
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(stranger.evidence())


@pytest.mark.parametrize(
    ("issued", "passes"),
    [(TIME, True), (TIME + DAY + SKEW, True), (TIME + DAY + SKEW + SECOND, False), (TIME - 2 * DAY, False)],
    ids=str,
)
def test_it_was_made_while_its_key_was_certified(issued: datetime, passes: bool) -> None:
    message = WORLD.evidence({6: int(issued.timestamp())})
    if passes:
        verified(message)
        return
    with pytest.raises(MismatchError, match="check 'issued at'"):
        verified(message)


@pytest.mark.parametrize("time", [TIME - 2 * DAY, TIME + 2 * DAY], ids=str)
def test_it_expires(time: datetime) -> None:
    with pytest.raises(MismatchError, match="check 'validity'"):
        verified(WORLD.evidence(), time=time)


def test_it_is_recognised_and_nothing_else() -> None:
    assert format_of(WORLD.evidence()) is SIMULATED
    assert format_of(nitro_world().document()) is not SIMULATED
    with pytest.raises(InputError, match="more than 8192 bytes"):
        verified(WORLD.signed(cbor2.dumps(WORLD.claims({-70003: bytes(9000)}))))
