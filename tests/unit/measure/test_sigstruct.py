"""SIGSTRUCT against the table of the SDM, OpenSSL, and a file that another program wrote."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.regions import measurement
from measure.sigstruct import (
    TO_BE_SIGNED_SIZE,
    Sigstruct,
    Statement,
    assemble,
    check_statement,
    is_date,
    mrsigner,
    statement_of,
)
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.layout import SIGSTRUCT_SIZE
from olos.manifest import Policy
from support import sigstruct as judge
from support.keys import KEY, modulus_of, openssl, public_key, signature
from support.manifests import manifest_of

GOLDEN = (KEY.parent / "production.sigstruct").read_bytes()
MODULUS = modulus_of(KEY)
PRODUCTION = Statement(
    date="2024-02-29", measurement=Digest.sha256(b"golden"), product_id=0x1234, security_version=0x5678
)


def signed(statement: Statement) -> Sigstruct:
    return assemble(statement, MODULUS, signature(KEY, statement.encode()))


def test_the_golden_file_is_written() -> None:
    assert signed(PRODUCTION).encode() == GOLDEN


def test_the_golden_file_is_read() -> None:
    sigstruct = Sigstruct.decode(GOLDEN, where="golden")
    sigstruct.check("golden")
    assert sigstruct == signed(PRODUCTION)
    assert sigstruct.signer.hex == judge.einit(GOLDEN)


def test_the_table_covers_every_byte() -> None:
    """The judge's own table: no gap, no overlap."""
    position = 0
    for offset, size in judge.TABLE.values():
        assert offset == position
        position += size
    assert position == judge.SIZE == SIGSTRUCT_SIZE


ALL_DIFFERENT = Statement(
    date="1987-06-05",
    measurement=Digest.sha256(b"all different"),
    product_id=0x0102,
    security_version=0x0304,
    attributes=0x05060708090A0B0C,
    attribute_mask=0x1112131415161718,
    xfrm=0x2122232425262728,
    xfrm_mask=0x3132333435363738,
    misc_select=0x41424344,
    misc_mask=0x51525354,
    cet_attributes=0x61,
    cet_attributes_mask=0x62,
    vendor=0x8086,
    software_defined=0x71727374,
    family_id=bytes(range(16)),
    extended_product_id=bytes(range(16, 32)),
)


def test_every_field_is_where_the_sdm_has_it() -> None:
    data = dataclasses.replace(signed(PRODUCTION), statement=ALL_DIFFERENT).encode()
    expected = {
        "VENDOR": 0x8086,
        "DATE": 0x19870605,
        "SWDEFINED": 0x71727374,
        "MODULUS": MODULUS,
        "EXPONENT": 3,
        "MISCSELECT": 0x41424344,
        "MISCMASK": 0x51525354,
        "CET_ATTRIBUTES": 0x61,
        "CET_ATTRIBUTES_MASK": 0x62,
        "ATTRIBUTES": 0x05060708090A0B0C,
        "XFRM": 0x2122232425262728,
        "ATTRIBUTEMASK": 0x1112131415161718,
        "XFRMMASK": 0x3132333435363738,
        "ISVPRODID": 0x0102,
        "ISVSVN": 0x0304,
    }
    assert {name: judge.number(data, name) for name in expected} == expected
    assert judge.raw(data, "ENCLAVEHASH") == ALL_DIFFERENT.measurement.value
    assert judge.raw(data, "ISVFAMILYID") == ALL_DIFFERENT.family_id
    assert judge.raw(data, "ISVEXTPRODID") == ALL_DIFFERENT.extended_product_id
    assert judge.to_be_signed(data) == ALL_DIFFERENT.encode()
    assert Sigstruct.decode(data, where="x").statement == ALL_DIFFERENT


def test_any_statement_can_be_signed() -> None:
    sigstruct = signed(ALL_DIFFERENT)
    sigstruct.check("x")
    assert judge.einit(sigstruct.encode()) == mrsigner(MODULUS).hex


STATEMENTS = st.builds(
    Statement,
    date=st.dates().map(lambda day: day.isoformat()),
    measurement=st.binary(min_size=32, max_size=32).map(lambda value: Digest("sha256", value)),
    product_id=st.integers(0, 2**16 - 1),
    security_version=st.integers(0, 2**16 - 1),
    attributes=st.integers(0, 2**64 - 1),
    misc_select=st.integers(0, 2**32 - 1),
    family_id=st.binary(min_size=16, max_size=16),
)


@given(STATEMENTS)
def test_bytes_and_value_determine_each_other(statement: Statement) -> None:
    data = statement.encode()
    assert len(data) == TO_BE_SIGNED_SIZE
    assert Statement.decode(data, where="x") == statement


@given(st.integers(1, MODULUS - 1))
def test_quotients_by_definition(number: int) -> None:
    sigstruct = assemble(PRODUCTION, MODULUS, number)
    remainder = number**2 - sigstruct.q1 * MODULUS
    assert 0 <= remainder < MODULUS
    rest = remainder * number - sigstruct.q2 * MODULUS
    assert 0 <= rest < MODULUS
    assert rest == number**3 % MODULUS
    assert sigstruct.q2 == (number**3 - sigstruct.q1 * number * MODULUS) // MODULUS


def check(data: bytes) -> None:
    """All that is checked of a signature on its own."""
    Sigstruct.decode(data, where="x").check("x")


def test_any_flipped_bit_is_found() -> None:
    for position in range(SIGSTRUCT_SIZE):
        for bit in range(8):
            data = bytearray(GOLDEN)
            data[position] ^= 1 << bit
            with pytest.raises(MismatchError):
                check(bytes(data))


@settings(max_examples=300)
@given(st.data())
def test_any_other_bytes_are_found(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, SIGSTRUCT_SIZE - 1))
    patch = data.draw(st.binary(min_size=1, max_size=SIGSTRUCT_SIZE - start))
    changed = GOLDEN[:start] + patch + GOLDEN[start + len(patch) :]
    if changed != GOLDEN:
        with pytest.raises(MismatchError):
            check(changed)


def patched(name: str, value: int) -> bytes:
    offset, size = judge.TABLE[name]
    return GOLDEN[:offset] + value.to_bytes(size, "little") + GOLDEN[offset + size :]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HEADER", 0, "HEADER does not match"),
        ("HEADER2", 1, "HEADER2 does not match"),
        ("DATE", 0x20230229, "DATE is no date: 20230229"),
        ("DATE", 0x2023022A, "DATE is no date: 2023022a"),
        ("DATE", 0, "DATE is no date: 00000000"),
        ("RESERVED 44", 1, "header and body: reserved byte 44 is not zero but 01"),
        ("RESERVED 1028", 1 << 88, "reserved byte 1039 is not zero but 01"),
        ("EXPONENT", 65537, "EXPONENT does not match\n  expected 3\n  actual   65537"),
        ("MODULUS", 0, "MODULUS is that of no RSA key of 3072 bits"),
        ("MODULUS", 1, "MODULUS is that of no RSA key of 3072 bits"),
        ("MODULUS", MODULUS - 1, "MODULUS is that of no RSA key of 3072 bits"),
        ("MODULUS", MODULUS ^ 1 << 3071, "MODULUS is that of no RSA key of 3072 bits"),
        ("MODULUS", MODULUS + 2, "SIGNATURE is not one"),
        ("SIGNATURE", 0, "SIGNATURE is not one"),
        ("SIGNATURE", MODULUS, "SIGNATURE is not one"),
        ("ISVSVN", 1, "SIGNATURE is not one"),
        ("Q1", 0, "Q1 or Q2 does not belong"),
        ("Q2", judge.number(GOLDEN, "Q2") + 1, "Q1 or Q2 does not belong"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: int, says: str) -> None:
    with pytest.raises(MismatchError) as caught:
        check(patched(name, value))
    assert f"x: {says}" in caught.value.message


def test_a_cube_root_is_no_signature() -> None:
    """Small exponents invite forgeries that a check of the first bytes only would take."""
    wanted = int.from_bytes(b"\0\1" + b"\xff" * 8 + b"\0", "big") << (3072 - 88)
    low, high = 0, 1 << 1025
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < wanted else (low, middle)
    assert f"{low**3:0768x}".startswith("0001" + "ff" * 8 + "00")
    with pytest.raises(MismatchError, match="SIGNATURE is not one"):
        assemble(PRODUCTION, MODULUS, low).check("x")


@pytest.mark.parametrize("size", [0, 1, SIGSTRUCT_SIZE - 1, SIGSTRUCT_SIZE + 1])
def test_wrong_sizes(size: int) -> None:
    with pytest.raises(InputError, match=f"x: {size} bytes where there must be 1808"):
        Sigstruct.decode(GOLDEN.ljust(size, b"\0")[:size], where="x")
    with pytest.raises(InputError, match=f"x: {size} bytes where there must be 256"):
        Statement.decode(bytes(size), where="x")


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debug"])
def test_a_signature_starts_what_the_policy_says_and_nothing_else(debug: bool) -> None:
    manifest = manifest_of(policy=Policy(debug=debug, product_id=7, security_version=9))
    data = signed(statement_of(manifest, measurement(manifest), "2026-01-31")).encode()
    judge.einit(data)
    assert judge.number(data, "ISVPRODID") == 7
    assert judge.number(data, "ISVSVN") == 9
    assert judge.raw(data, "ENCLAVEHASH") == measurement(manifest).value
    right = 4 | (judge.DEBUG if debug else 0)  # MODE64BIT
    assert judge.would_start(data, attributes=right)
    assert not judge.would_start(data, attributes=right ^ judge.DEBUG)
    assert not judge.would_start(data, attributes=right | 0x10)  # PROVISIONKEY
    assert not judge.would_start(data, attributes=right, xfrm=7)  # AVX
    assert not judge.would_start(data, attributes=right, misc_select=1)  # EXINFO


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"measurement": Digest.sha256(b"")}, "measurement does not match\n  expected dd56de"),
        ({"product_id": 1}, "product id does not match\n  expected 4660\n  actual   1"),
        ({"security_version": 0}, "security version does not match\n  expected 22136\n  actual   0"),
        ({"attributes": 6}, "attributes does not match\n  expected 4\n  actual   6"),
        ({"attribute_mask": 0}, "attribute mask does not match"),
        ({"xfrm_mask": 0}, "xfrm mask does not match"),
        ({"misc_mask": 0}, "misc mask does not match"),
        ({"vendor": 0x8086}, "vendor does not match"),
        ({"family_id": b"f" * 16}, "family id does not match"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_statement_that_says_something_else_is_found(change: dict[str, Any], says: str) -> None:
    with pytest.raises(MismatchError) as caught:
        check_statement(dataclasses.replace(PRODUCTION, **change), PRODUCTION, "x")
    assert f"x: {says}" in caught.value.message


def test_the_date_is_for_the_signer_to_choose() -> None:
    check_statement(dataclasses.replace(PRODUCTION, date="2030-01-01"), PRODUCTION, "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", True),
        ("2000-02-29", True),
        ("0001-01-01", True),
        ("9999-12-31", True),
        ("2023-02-29", False),
        ("1900-02-29", False),
        ("2024-04-31", False),
        ("2024-00-01", False),
        ("2024-13-01", False),
        ("2024-01-00", False),
        ("0000-01-01", False),
        ("2024-1-1", False),
        ("20240101", False),
        ("2024-01-01\n", False),
        ("２０２４-01-01", False),
        ("", False),
    ],
)
def test_dates(text: str, expected: bool) -> None:
    assert is_date(text) is expected


def test_a_wrong_date_is_not_written() -> None:
    with pytest.raises(ValueError, match="no date"):
        dataclasses.replace(PRODUCTION, date="2023-02-29").encode()


def test_openssl_verifies_the_signature(tmp_path: Path) -> None:
    data = signed(PRODUCTION).encode()
    (tmp_path / "tbs").write_bytes(judge.to_be_signed(data))
    (tmp_path / "sig").write_bytes(judge.raw(data, "SIGNATURE")[::-1])
    key = public_key(KEY, tmp_path / "pub.pem")
    told = openssl("dgst", "-sha256", "-verify", key, "-signature", tmp_path / "sig", tmp_path / "tbs")
    assert told == b"Verified OK\n"
    recovered = openssl("pkeyutl", "-verifyrecover", "-pubin", "-inkey", key, "-in", tmp_path / "sig")
    assert recovered.hex().endswith(Digest.sha256((tmp_path / "tbs").read_bytes()).hex)
