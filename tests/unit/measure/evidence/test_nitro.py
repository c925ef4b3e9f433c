from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.demands import Demands
from measure.evidence.formats import format_of, verify
from measure.evidence.model import File, Identity, Value
from measure.evidence.nitro import NITRO, ROOTS
from olos.errors import InputError, MismatchError
from support.certificates import DAY, TIME, Terms, ec_key, issue
from support.evidence_nitro import NONCE, PCR8, PCRS, NitroWorld, nitro_world

HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


def verified(
    document: File, world: NitroWorld | None = None, demands: Demands | None = None, time: datetime = TIME
) -> Identity:
    return verify(document, demands or Demands(), roots=(world or nitro_world()).roots, time=time)


def test_a_document_says_who_it_is() -> None:
    identity = verified(nitro_world().document(public_key=b"key"))
    assert (identity.tee, identity.simulated, identity.debug) == ("nitro", False, False)
    assert identity.measurement == Value("PCR0", PCRS[0])
    assert identity.signer == Value("PCR8", PCR8)
    assert identity.report_data == Value("nonce", NONCE)
    assert not identity.report_data_padded
    assert [value.name for value in identity.registers] == [
        *(f"PCR{index}" for index in range(1, 16)),
        "user_data",
        "public_key",
    ]
    assert (identity.valid_from, identity.valid_until) == (TIME - DAY, TIME + DAY)
    assert {claim.name: claim.value for claim in identity.claims} == {
        "root": "Root, given by root.pem",
        "module id": "i-0123456789abcdef0-enc0123456789abcdef",
        "made": "2026-01-31T12:00:00Z",
    }


@pytest.mark.parametrize("tag", [None, 18])
def test_a_message_is_tagged_or_not(tag: int | None) -> None:
    world = nitro_world()
    document = world.signed(cbor2.dumps(world.fields()), tag=tag)
    assert format_of(document) is NITRO
    assert verified(document).tee == "nitro"


def test_what_the_enclave_left_out_is_empty() -> None:
    fields = nitro_world().fields()
    for name in ("nonce", "user_data", "public_key"):
        del fields[name]
    identity = verified(nitro_world().signed(cbor2.dumps(fields)))
    assert identity.report_data == Value("nonce", b"")
    assert {value.name for value in identity.registers} == {f"PCR{index}" for index in range(1, 16)}


def test_a_map_of_indefinite_length_is_what_the_hypervisor_writes() -> None:
    payload = cbor2.dumps(nitro_world().fields())
    assert payload[0] == 0xA9
    assert verified(nitro_world().signed(b"\xbf" + payload[1:] + b"\xff")).tee == "nitro"


@pytest.mark.parametrize("pcrs", [{0, 1, 2}, {0}, {1}, {2}], ids=str)
def test_zeros_are_debug_mode(pcrs: set[int]) -> None:
    document = nitro_world().document(pcrs=PCRS | {index: bytes(48) for index in pcrs})
    with pytest.raises(MismatchError, match="check 'debug'"):
        verified(document)
    assert verified(document, demands=Demands(allow_debug=True)).debug


def test_without_a_signed_image_there_is_no_signer() -> None:
    assert verified(nitro_world().document(pcrs=PCRS)).signer is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"module_id": ""}, "module_id"),
        ({"module_id": b"bytes"}, "module_id"),
        ({"digest": "SHA256"}, "digest: 'SHA256' is not 'SHA384'"),
        ({"digest": None}, "digest"),
        ({"timestamp": 0}, "timestamp"),
        ({"timestamp": -1}, "timestamp"),
        ({"timestamp": True}, "kind that does not belong there|timestamp"),
        ({"timestamp": 1 << 63}, "timestamp"),
        ({"timestamp": "now"}, "timestamp"),
        ({"pcrs": {}}, "1 to 32 registers"),
        ({"pcrs": dict.fromkeys(range(33), bytes(48))}, "1 to 32 registers"),
        ({"pcrs": PCRS | {32: bytes(48)}}, "'32' is the number of no register"),
        ({"pcrs": PCRS | {-1: bytes(48)}}, "'-1' is the number of no register"),
        ({"pcrs": PCRS | {"8": bytes(48)}}, "'8' is the number of no register"),
        ({"pcrs": PCRS | {8: bytes(32)}}, "PCR8 is not 48 bytes"),
        ({"pcrs": PCRS | {8: "text"}}, "PCR8 is not 48 bytes"),
        ({"pcrs": {0: b"\1" * 48, 1: b"\1" * 48}}, "PCR2 is missing"),
        ({"pcrs": [bytes(48)]}, "no map"),
        ({"certificate": b""}, "certificate: is not 1 to 1024 bytes"),
        ({"certificate": bytes(1025)}, "certificate: is not 1 to 1024 bytes"),
        ({"certificate": b"\x30\x00"}, "certificate: has a sequence of 0"),
        ({"cabundle": []}, "cabundle: is no array, or an empty one"),
        ({"cabundle": b"bytes"}, "cabundle"),
        ({"cabundle": [b"\x30\x00"] * 65}, "more than 64"),
        ({"cabundle": ["text"]}, "cabundle"),
        ({"public_key": b""}, "public_key: is not 1 to 1024"),
        ({"public_key": bytes(1025)}, "public_key"),
        ({"user_data": bytes(513)}, "user_data: is not 0 to 512"),
        ({"nonce": bytes(513)}, "nonce"),
        ({"nonce": "text"}, "nonce"),
        ({"else": 1}, "unknown field 'else'"),
        ({3: 1}, "unknown field '3'"),
    ],
    ids=str,
)
def test_every_field_that_is_wrong_is_named(changes: dict[Any, Any], message: str) -> None:
    payload = cbor2.dumps(nitro_world().fields() | changes)
    with pytest.raises(InputError, match=message):
        verified(nitro_world().signed(payload))


@pytest.mark.parametrize("name", ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    fields = nitro_world().fields()
    del fields[name]
    document = nitro_world().signed(cbor2.dumps(fields | {"nonce": b"cabundle"}))
    with pytest.raises(InputError, match=f"has no field '{name}'"):
        verified(document)


@pytest.mark.parametrize(
    ("protected", "unprotected", "message"),
    [
        (cbor2.dumps({1: -7}), {}, "not signed with ES384"),
        (cbor2.dumps({1: -35, 4: b"key"}), {}, "other protected header parameters"),
        (cbor2.dumps({}), {}, "not signed with ES384"),
        (b"", {}, "ends within"),
        (cbor2.dumps({1: -35}), {4: b"key"}, "not signed"),
    ],
    ids=["ES256", "more", "none", "empty", "unprotected"],
)
def test_the_header_is_one_and_only(protected: bytes, unprotected: dict[int, bytes], message: str) -> None:
    world = nitro_world()
    payload = cbor2.dumps(world.fields())
    document = world.signed(payload, protected=protected, unprotected=unprotected, tag=18)
    with pytest.raises(InputError, match=message):
        verified(document)


def test_a_document_of_another_key_is_refused() -> None:
    world = nitro_world()
    forged = replace(world, leaf=replace(world.leaf, key=ec_key("mallory")))
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(forged.document())


def test_a_key_of_another_curve_signs_nothing() -> None:
    world = nitro_world()
    terms = Terms(ca=False, key_usage=False)
    leaf = issue("leaf", ec_key("p256", ec.SECP256R1), world.regional, terms)
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(world.document(certificate=leaf.der))


def test_the_root_is_that_of_aws_unless_another_is_named() -> None:
    with pytest.raises(MismatchError) as caught:
        verify(nitro_world().document(), Demands(), time=TIME)
    assert next(iter(ROOTS.pinned)) in caught.value.message
    assert "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b" in ROOTS.pinned


def test_certificates_may_come_in_any_order() -> None:
    world = nitro_world()
    assert verified(world.document(cabundle=[world.regional.der, world.root.der])).tee == "nitro"
    assert verified(world.document(cabundle=[world.regional.der])).tee == "nitro"  # the root is at hand
    with pytest.raises(InputError, match="is missing"):
        verified(world.document(cabundle=[world.root.der]))


@pytest.mark.parametrize(
    ("time", "message"),
    [(TIME - DAY - HOUR, "is not valid yet"), (TIME + DAY + HOUR, "has expired")],
    ids=["early", "late"],
)
def test_certificates_have_their_time(time: datetime, message: str) -> None:
    with pytest.raises(MismatchError, match=f"check 'validity'.*{message}"):
        verified(nitro_world().document(), time=time)


@pytest.mark.parametrize("made", [TIME - DAY - HOUR, TIME + DAY + HOUR], ids=["before", "behind"])
def test_a_document_is_made_while_its_certificates_are_valid(made: datetime) -> None:
    document = nitro_world().document(timestamp=int(made.timestamp() * 1000))
    with pytest.raises(MismatchError, match="check 'timestamp'"):
        verified(document)


def test_the_nonce_is_compared_as_it_is() -> None:
    document = nitro_world().document(nonce=b"abc\0")
    assert verified(document, demands=Demands(report_data=b"abc\0")).tee == "nitro"
    for other in (b"abc", b"abc\0\0", b"abd\0"):
        with pytest.raises(MismatchError, match="check 'nonce'"):
            verified(document, demands=Demands(report_data=other))


@pytest.mark.parametrize("mode", [1, 2])
def test_a_document_may_be_wrapped_by_dstack(mode: int) -> None:
    document = nitro_world().document().data
    size = (len(document) << 2 | mode).to_bytes(2 * mode, "little")
    wrapped = File("wrapped", b"\0\2" + size + document + bytes(65) + b"\x08{}")
    assert format_of(wrapped) is NITRO
    assert verified(wrapped).tee == "nitro"
    with pytest.raises(InputError):
        verified(File("cut", wrapped.data[: len(document) - 10]))


def test_what_is_behind_a_document_is_refused() -> None:
    document = nitro_world().document()
    with pytest.raises(InputError, match="1 bytes behind its end"):
        verified(File("long", document.data + b"\0"))
