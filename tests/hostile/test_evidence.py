"""Evidence that somebody has tampered with, or made to hurt: refused in little time, with our own error."""

from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.evidence import x509
from measure.evidence.demands import Demands
from measure.evidence.formats import SIZE_LIMIT, verify
from measure.evidence.model import File, Identity
from olos.errors import InputError, MismatchError, OlosError
from support.certificates import TIME, ec_key, tlv
from support.evidence_nitro import nitro_world
from support.evidence_simulated import simulated_world
from support.evidence_snp import FIELDS, snp_world

STEP = 3  # every third byte, another bit each time
LAX = Demands(allow_debug=True, allow_migration=True)


def snp(data: bytes) -> Identity:
    world = snp_world()
    return verify(File("report", data), LAX, collateral=world.collateral, roots=world.roots, time=TIME)


def nitro(data: bytes) -> Identity:
    return verify(File("document", data), LAX, roots=nitro_world().roots, time=TIME)


def simulated(data: bytes) -> Identity:
    demands = Demands(allow_debug=True, allow_simulated=True)
    return verify(File("evidence", data), demands, roots=simulated_world().roots, time=TIME)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("field", ["version", "policy", "vmpl", "key_info", "measurement", "chip_id"])
def test_every_bit_of_a_field_counts(field: str) -> None:
    start, size = FIELDS[field]
    data = snp_world().report().data
    for bit in range(8 * start, 8 * (start + min(size, 16))):
        with pytest.raises(OlosError):
            snp(flipped(data, bit))


def test_every_byte_of_a_report_counts() -> None:
    data = snp_world().report().data
    for at in range(len(data)):
        with pytest.raises(OlosError):
            snp(flipped(data, 8 * at + at % 8))


def test_every_part_of_a_document_counts() -> None:
    data = nitro_world().document().data
    for at in range(0, len(data), STEP):
        with pytest.raises(OlosError):
            nitro(flipped(data, 8 * at + at % 8))


@pytest.mark.parametrize("what", ["evidence", "certificate"])
def test_every_part_of_a_simulation_counts(what: str) -> None:
    world = simulated_world()
    data = world.evidence().data if what == "evidence" else world.attested(ec_key("app")).der
    for at in range(0, len(data), STEP):
        with pytest.raises(OlosError):
            simulated(flipped(data, 8 * at + at % 8))


@pytest.mark.parametrize(
    ("data", "verified"),
    [
        (snp_world().report().data, snp),
        (nitro_world().document().data, nitro),
        (simulated_world().evidence().data, simulated),
    ],
    ids=["snp", "nitro", "simulated"],
)
def test_evidence_that_ends_early(data: bytes, verified: Callable[[bytes], Identity]) -> None:
    for size in range(0, len(data), 7):
        with pytest.raises(InputError):
            verified(data[:size])


def test_every_part_of_the_certificate_of_the_key_counts() -> None:
    world = snp_world()
    report = world.report()
    for at in range(0, len(world.vcek.der), STEP):
        changed = flipped(world.vcek.der, 8 * at + at % 8)
        collateral = (File("vcek.der", changed), *world.collateral[1:])
        with pytest.raises(OlosError):
            verify(report, LAX, collateral=collateral, roots=world.roots, time=TIME)


@pytest.mark.parametrize("size", [0, 100, SIZE_LIMIT - 200])
@pytest.mark.parametrize("opening", [b"\x81", b"\x9f", b"\xa1\x00", b"\xbf\x00", b"\xd2"], ids=bytes.hex)
def test_nesting_without_end(opening: bytes, size: int) -> None:
    payload = b"\xbf\x68cabundle" + opening * (size // len(opening))
    with pytest.raises(InputError):
        nitro(nitro_world().signed(payload).data)


@pytest.mark.parametrize(
    "head", ["5bffffffffffffffff", "9bffffffffffffffff", "bb7fffffffffffffff", "9a40000000"], ids=str
)
def test_lengths_that_promise_more_than_there_is(head: str) -> None:
    for payload in (bytes.fromhex(head), b"\xa1\x68cabundle" + bytes.fromhex(head)):
        with pytest.raises(InputError, match="ends within an item"):
            nitro(nitro_world().signed(payload + b"cabundle").data)
    with pytest.raises(InputError):
        nitro(bytes.fromhex("d284") + bytes.fromhex(head) + b"cabundle")


def test_keys_that_are_there_twice() -> None:
    """Two readers could see two nonces."""
    payload = cbor2.dumps(nitro_world().fields())
    twice = bytes([payload[0] + 1]) + payload[1:] + cbor2.dumps("nonce") + cbor2.dumps(b"another")
    with pytest.raises(InputError, match="the key 'nonce' twice"):
        nitro(nitro_world().signed(twice).data)


def test_a_million_small_items() -> None:
    payload = cbor2.dumps(nitro_world().fields(user_data=[0] * 1_000_000))
    with pytest.raises(InputError, match="more than 131072 bytes"):
        nitro(nitro_world().signed(payload).data)
    payload = cbor2.dumps(nitro_world().fields(cabundle=[b"\0"] * 50_000))
    with pytest.raises(InputError, match="more than 64 certificates"):
        nitro(nitro_world().signed(payload).data)


def test_a_certificate_of_many_parts() -> None:
    for data in (tlv(0x30, b"\5\0" * 30000), tlv(0x30, tlv(0x30, b"\5\0" * 30000) + b"\5\0" * 2)):
        with pytest.raises(InputError):
            x509.load_certificates(File("certificate", data))


def test_pem_files_that_never_end() -> None:
    for text in (b"-----BEGIN CERTIFICATE-----" * 30000, b"-----BEGIN CERTIFICATE-----" + b"A" * SIZE_LIMIT):
        with pytest.raises(InputError):
            x509.load_certificates(File("certificates", text[:SIZE_LIMIT]))


def test_a_document_within_a_document_is_not_believed() -> None:
    """What is signed is the outer one; its certificate must be there."""
    inner = nitro_world().document().data
    for wrapped in (inner + inner, b"\xd2" + inner + b"\0", cbor2.dumps([inner]), b"\0\2" + inner):
        with pytest.raises(InputError):
            nitro(wrapped)


def test_the_order_of_checks_gives_no_genuine_identity_away() -> None:
    """A debug report that is forged is forged, whatever is allowed."""
    report = bytearray(snp_world().report().data)
    report[0x0A] |= 8
    with pytest.raises(MismatchError, match="check 'signature'"):
        snp(bytes(report))


@settings(max_examples=300)
@given(
    st.binary(max_size=1300),
    st.sampled_from([b"", b"\2\0\0\0", b"\xd2\x84", b"\x84\x44\xa1\x01\x38\x22", b"\0\2"]),
)
def test_noise_is_refused(noise: bytes, start: bytes) -> None:
    with pytest.raises(OlosError):
        nitro(start + noise + b"cabundle")
    with pytest.raises(OlosError):
        snp(start + noise)
    with pytest.raises(InputError):
        x509.load_certificates(File("noise", noise))
