import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from measure.evidence.certificate import EXTENSION, is_certificate
from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from olos.errors import InputError, MismatchError
from support.certificates import DAY, TIME, Party, Terms, ec_key, issue, rewritten, rsa_key
from support.evidence_nitro import nitro_world
from support.evidence_simulated import SIMULATED_MEASUREMENT, simulated_world
from support.evidence_snp import snp_world

WORLD = simulated_world()
LAX = Demands(allow_simulated=True, measurement=SIMULATED_MEASUREMENT)
P256 = ec_key("app", ec.SECP256R1)
P384 = ec_key("app")
PLAIN = Terms(ca=False, key_usage=False)


def verified(party: Party | bytes, demands: Demands = LAX, time: datetime = TIME) -> Identity:
    data = party if isinstance(party, bytes) else party.der
    return verify(File("app.pem", data), demands, roots=WORLD.roots, time=time)


def with_message(message: Any, key: ec.EllipticCurvePrivateKey = P256) -> Party:
    return WORLD.attested(key, terms=replace(PLAIN, extensions={EXTENSION: cbor2.dumps(message)}))


@pytest.mark.parametrize(("key", "digest"), [(P256, "sha256"), (P384, "sha384")], ids=["p-256", "p-384"])
@pytest.mark.parametrize("form", [lambda p: p.der, lambda p: b"# app\n" + p.pem], ids=["der", "pem"])
def test_its_key_is_that_of_the_environment(
    key: ec.EllipticCurvePrivateKey, digest: str, form: Callable[[Party], bytes]
) -> None:
    party = WORLD.attested(key)
    identity = verified(form(party))
    spki = party.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert identity.key and identity.key.data == hashlib.new(digest, spki).digest()
    assert identity.report_data.data == identity.key.data.ljust(64, b"\0")


def test_evidence_of_another_key_is_a_relay() -> None:
    stolen = WORLD.attested(P256).der
    evidence = cbor2.loads(extension_of(stolen))[1]
    relayed = with_message(["application/eat+cwt", evidence, 4], ec_key("relay", ec.SECP256R1))
    with pytest.raises(MismatchError, match="check 'key'.*app.pem") as caught:
        verified(relayed)
    assert "made for another key" in (caught.value.hint or "")


def extension_of(certificate: bytes) -> bytes:
    loaded = x509.load_der_x509_certificate(certificate)
    value = loaded.extensions.get_extension_for_oid(x509.ObjectIdentifier(EXTENSION)).value
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (["application/eat+cwt", b"", 4], "no evidence of a known format"),
        (["application/eat+cwt", b"evidence", 2], "is no evidence of type"),
        (["application/other", b"evidence", 4], "is no evidence of type"),
        (["application/eat+cwt", "evidence", 4], "is no evidence of type"),
        (["application/eat+cwt", b"evidence"], "is no evidence of type"),
        ({1: 2}, "is no evidence of type"),
        (cbor2.CBORTag(5, b""), "a tag"),
    ],
    ids=str,
)
def test_a_message_of_another_kind_is_refused(message: Any, error: str) -> None:
    with pytest.raises(InputError, match=error):
        verified(with_message(message))


def test_a_certificate_without_evidence_is_refused() -> None:
    with pytest.raises(InputError, match="without evidence"):
        verified(issue("app", P256, None, PLAIN).pem)
    with pytest.raises(InputError, match="2 certificates, expected one"):
        verified(2 * WORLD.attested(P256).pem)


def test_it_signs_itself() -> None:
    good = WORLD.attested(P384)
    forged = rewritten(good, Party("stranger", ec_key("stranger")), {b"app": b"bad"})
    with pytest.raises(MismatchError, match="check 'certificate signature'"):
        verified(forged)
    message = extension_of(good.der)
    issued = issue("app", P384, Party("CA", ec_key("ca")), replace(PLAIN, extensions={EXTENSION: message}))
    with pytest.raises(MismatchError, match="check 'certificate signature'"):
        verified(issued)


@pytest.mark.parametrize(
    "terms", [Terms(end=TIME - DAY / 2), Terms(start=TIME + DAY / 2)], ids=["expired", "not yet"]
)
def test_it_expires(terms: Terms) -> None:
    with pytest.raises(MismatchError, match="check 'validity': app.pem"):
        verified(WORLD.attested(P256, terms=replace(terms, ca=False, key_usage=False)))


@pytest.mark.parametrize(
    ("changes", "demands", "check"),
    [
        ({}, Demands(measurement=bytes(32), allow_simulated=True), "measurement"),
        ({}, Demands(signer=bytes(32), allow_simulated=True), "signer"),
        ({263: 0}, LAX, "debug"),
        ({}, Demands(), "simulated"),
        ({}, replace(LAX, min_svn=4), "security version"),
    ],
    ids=["measurement", "signer", "debug", "simulated", "svn"],
)
def test_demands_hold_for_what_is_in_it(changes: Mapping[int, Any], demands: Demands, check: str) -> None:
    with pytest.raises(MismatchError, match=f"check '{check}'"):
        verified(WORLD.attested(P256, changes), demands)


def test_keys_of_other_kinds_are_refused() -> None:
    message = extension_of(WORLD.attested(P256).der)
    terms = replace(PLAIN, extensions={EXTENSION: message})
    with pytest.raises(InputError):
        verified(issue("app", rsa_key("app"), None, terms))
    with pytest.raises(InputError):
        verified(issue("app", ec_key("app", ec.SECP521R1), None, terms))


def test_evidence_of_hardware_is_no_certificate() -> None:
    assert not is_certificate(snp_world().report().data)
    assert not is_certificate(nitro_world().document().data)
