import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.amd import ROOTS
from measure.evidence.demands import Demands
from measure.evidence.formats import format_of, verify
from measure.evidence.model import File, Identity, Value
from measure.evidence.snp import SNP
from olos.errors import InputError, MismatchError, OlosError
from support.certificates import DAY, TIME, Terms, ec_key, issue, rsa_key, tlv
from support.evidence_snp import (
    AMD,
    CHIP_ID,
    ID_KEY,
    MEASUREMENT,
    REPORT_DATA,
    TURIN_TCB,
    SnpWorld,
    snp_body,
    snp_fields,
    snp_signed,
    snp_world,
    vcek_extensions,
    vlek_extensions,
)

HOUR = timedelta(hours=1)
LAX = Demands(allow_debug=True, allow_migration=True)


def verified(
    report: File, world: SnpWorld | None = None, demands: Demands = LAX, time: datetime = TIME
) -> Identity:
    world = world or snp_world()
    return verify(report, demands, collateral=world.collateral, roots=world.roots, time=time)


def claims(identity: Identity) -> dict[str, str]:
    return {claim.name: claim.value for claim in identity.claims}


def test_a_report_says_who_it_is() -> None:
    identity = verified(snp_world().report(image_id=b"image", host_data=b"host", policy=0x13041F))
    assert (identity.tee, identity.simulated, identity.debug, identity.migratable) == (
        "snp",
        False,
        False,
        False,
    )
    assert identity.measurement == Value("launch digest", MEASUREMENT)
    assert identity.signer == Value("ID_KEY_DIGEST", ID_KEY)
    assert identity.report_data == Value("REPORT_DATA", REPORT_DATA)
    assert identity.security_version == 7
    assert identity.tcb == (("bootloader", 3), ("tee", 0), ("snp", 8), ("microcode", 209))
    assert (identity.valid_from, identity.valid_until) == (TIME - DAY, TIME + DAY)
    assert Value("IMAGE_ID", b"image".ljust(16, b"\0")) in identity.registers
    assert claims(identity)["root"] == "ARK-Test, given by ark.pem"
    assert claims(identity)["least ABI"] == "4.31"
    assert claims(identity)["SMT"] == "allowed"
    assert claims(identity)["several sockets"] == "not allowed"


@pytest.mark.parametrize("version", [2, 3, 5])
def test_every_version_is_read(version: int) -> None:
    cpuid = bytes([0x19, 1, 1]) if version > 2 else b""
    identity = verified(snp_world().report(version=version, cpuid=cpuid, launch_mit_vector=1))
    assert claims(identity)["report version"] == str(version)
    assert ("mitigations" in claims(identity)) is (version == 5)


def test_turin_has_another_order_of_components_and_a_short_hardware_id() -> None:
    world = snp_world().with_vcek(vcek_extensions(TURIN_TCB, CHIP_ID[:8], product=b"Turin-C1", turin=True))
    report = world.report(
        version=3,
        cpuid=bytes([0x1A, 2, 1]),
        reported_tcb=TURIN_TCB,
        chip_id=CHIP_ID[:8],
    )
    identity = verified(report, world)
    assert identity.tcb == (("fmc", 1), ("bootloader", 3), ("tee", 2), ("snp", 4), ("microcode", 70))
    with pytest.raises(MismatchError, match="CHIP_ID"):
        verified(world.report(reported_tcb=TURIN_TCB), world)


def test_a_vlek_names_the_provider_and_no_chip() -> None:
    world = snp_world().with_vcek(vlek_extensions(), "SEV-VLEK")
    identity = verified(world.report(key_info=1 << 2, chip_id=b""), world)
    assert claims(identity)["signed by"] == "VLEK of Cloud"


def test_a_hardware_id_may_be_an_octet_string() -> None:
    world = snp_world().with_vcek(vcek_extensions(hwid=tlv(4, CHIP_ID)))
    assert verified(world.report(), world).tee == "snp"


@pytest.mark.parametrize(("author", "name"), [(0, "ID_KEY_DIGEST"), (1, "AUTHOR_KEY_DIGEST")])
def test_an_author_key_is_the_signer_if_there_is_one(author: int, name: str) -> None:
    identity = verified(snp_world().report(key_info=author, author_key_digest=b"author"))
    assert identity.signer is not None
    assert identity.signer.name == name


def test_without_an_id_block_there_is_no_signer_and_no_security_version() -> None:
    identity = verified(snp_world().report(id_key_digest=b"", guest_svn=0))
    assert (identity.signer, identity.security_version) == (None, None)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"version": 1}, InputError, "version 1"),
        ({"version": 4}, InputError, "version 4"),
        ({"signature_algo": 2}, InputError, "signature algorithm 2"),
        ({"key_info": 7 << 2}, InputError, "signed by no key"),
        ({"key_info": 3 << 2}, InputError, "signed by no key"),
        (
            {"key_info": 1 << 2},
            MismatchError,
            "'signing key' does not match\n  expected VLEK\n  actual   VCEK",
        ),
        ({"policy": 0}, InputError, "bit 17"),
        ({"vmpl": 0xFFFFFFFF}, MismatchError, "'VMPL'"),
        ({"vmpl": 4}, MismatchError, "'VMPL'"),
        ({"chip_id": b"another"}, MismatchError, "'chip' (CHIP_ID)"),
        ({"chip_id": b""}, MismatchError, "'chip' (CHIP_ID)"),
        ({"reported_tcb": bytes([2, 0, 0, 0, 0, 0, 8, 209])}, MismatchError, "(bootloader)"),
        ({"reported_tcb": bytes([3, 1, 0, 0, 0, 0, 8, 209])}, MismatchError, "(tee)"),
        ({"reported_tcb": bytes([3, 0, 0, 0, 0, 0, 9, 209])}, MismatchError, "(snp)"),
        ({"reported_tcb": bytes([3, 0, 0, 0, 0, 0, 8, 208])}, MismatchError, "(microcode)"),
        ({"reported_tcb": bytes([3, 0, 1, 0, 0, 0, 8, 209])}, MismatchError, "(reserved bytes)"),
        ({"version": 3, "cpuid": bytes([0x1A, 1, 1])}, MismatchError, "'processor'"),
    ],
    ids=str,
)
def test_every_field_that_is_wrong_is_named(
    changes: dict[str, int | bytes], error: type[OlosError], message: str
) -> None:
    with pytest.raises(error) as caught:
        verified(snp_world().report(**changes))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("oid", "value", "message"),
    [
        ("3.1", None, "is missing"),  # nothing is taken for an endorsement key without it
        ("3.8", None, "no extension"),
        ("4", None, "no extension"),
        ("3.8", tlv(2, b"\x01\x00"), "256 is not from 0 to 255"),
        ("3.8", tlv(2, b"\x00\x01"), "no DER"),
        ("3.8", tlv(4, b"\x01"), "tag 0x04"),
        ("4", b"\x04\x07" + bytes(7), "hardware id of 7 bytes"),
        ("2", b"Milan", "ends within"),
    ],
)
def test_an_endorsement_key_says_all_that_is_compared(oid: str, value: bytes | None, message: str) -> None:
    extensions = vcek_extensions() | {f"{AMD}.{oid}": value or b""}
    if value is None:
        del extensions[f"{AMD}.{oid}"]
    world = snp_world().with_vcek(extensions)
    with pytest.raises(InputError, match=message):
        verified(world.report(), world)


@pytest.mark.parametrize("at", [0x2A0 + 48, 0x2A0 + 71, 0x2A0 + 72 + 48, 0x2A0 + 144, 0x49F])
def test_the_padding_of_the_signature_is_zero(at: int) -> None:
    data = bytearray(snp_world().report().data)
    data[at] = 1
    with pytest.raises(InputError, match="not zero in or behind its signature"):
        verified(File("report", bytes(data)))


def test_zeros_behind_a_report_are_the_rest_of_a_buffer() -> None:
    data = snp_world().report().data
    assert verified(File("report", data + bytes(2816))).tee == "snp"
    with pytest.raises(InputError, match="has 1185 bytes"):
        verified(File("report", data + b"\1"))
    with pytest.raises(InputError, match="has 1183 bytes"):
        verified(File("report", data[:-1]))


def test_another_key_did_not_sign_it() -> None:
    world = snp_world()
    forged = snp_signed(snp_body(snp_fields()), ec_key("mallory"))
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(File("report", forged))
    short = replace(world, vcek=issue("SEV-VCEK", ec_key("p256", ec.SECP256R1), world.ask, vcek_terms()))
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(world.report(), short)


def vcek_terms() -> Terms:
    return Terms(ca=None, key_usage=None, extensions=vcek_extensions())


def test_a_key_that_nobody_endorsed_is_refused() -> None:
    """An attacker can copy every name."""
    world = snp_world()
    ark = issue("ARK-Test", rsa_key("mallory"))
    ask = issue("SEV-Test", rsa_key("mallory2"), ark)
    forged = replace(world, ark=ark, ask=ask).with_vcek(vcek_extensions())
    with pytest.raises(MismatchError, match="check 'certificate signature'"):
        verify(forged.report(), LAX, collateral=forged.collateral, roots=world.roots, time=TIME)
    with pytest.raises(MismatchError, match="check 'root'.*\n.*ARK-Milan.*\n.*ARK-Test"):
        collateral = (*forged.collateral, File("ark", ark.der))
        verify(forged.report(), LAX, collateral=collateral, time=TIME)


@pytest.mark.parametrize("missing", [0, 1])
def test_what_is_missing_is_named(missing: int) -> None:
    world = snp_world()
    collateral = tuple(file for at, file in enumerate(world.collateral) if at != missing)
    named = (
        "certificate of the VCEK that signed it" if missing == 0 else "certificate of its issuer, 'SEV-Test',"
    )
    with pytest.raises(InputError, match=f"the {named} is missing"):
        verify(world.report(), LAX, collateral=collateral, roots=world.roots, time=TIME)


@pytest.mark.parametrize(
    ("time", "message"),
    [(TIME - DAY - HOUR, "is not valid yet"), (TIME + DAY + HOUR, "has expired")],
    ids=["early", "late"],
)
def test_certificates_have_their_time(time: datetime, message: str) -> None:
    with pytest.raises(MismatchError, match=message) as caught:
        verified(snp_world().report(), time=time)
    assert "5 minutes" in caught.value.message


@pytest.mark.parametrize("time", [TIME - DAY - HOUR / 15, TIME + DAY + HOUR / 15], ids=["early", "late"])
def test_clocks_may_differ_a_little(time: datetime) -> None:
    assert verified(snp_world().report(), time=time).tee == "snp"


@pytest.mark.parametrize(
    "changes",
    [{"digest": hashes.SHA256()}, {"salt": 32}, {"digest": hashes.SHA256(), "salt": 32}],
    ids=["digest", "salt", "both"],
)
def test_other_parameters_of_pss_are_refused(changes: dict[str, Any]) -> None:
    world = snp_world()
    terms = replace(vcek_terms(), **changes)
    weak = replace(world, vcek=issue("SEV-VCEK", ec_key("vcek"), world.ask, terms))
    with pytest.raises(InputError, match="signed by an algorithm"):
        verified(world.report(), weak)


@pytest.mark.parametrize(("name", "fingerprint"), [(name, digits) for digits, name in ROOTS.pinned.items()])
def test_the_pinned_roots_are_fingerprints(name: str, fingerprint: str) -> None:
    assert name in {"ARK-Milan", "ARK-Genoa", "ARK-Turin"}
    assert len(bytes.fromhex(fingerprint)) == hashlib.sha256().digest_size


def test_it_recognises_its_own() -> None:
    data = snp_world().report().data
    assert SNP.recognises(data)
    assert SNP.recognises(data[:700])
    assert not SNP.recognises(b"")
    assert not SNP.recognises(b"\x7fELF" + bytes(1180))
    assert format_of(File("report", data)) is SNP


def test_the_time_is_aware() -> None:
    assert TIME.tzinfo is UTC
