from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509 as judge
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from measure.evidence import x509
from measure.evidence.chain import Roots, verify_chain
from measure.evidence.model import File
from olos.errors import InputError, MismatchError, OlosError
from support.certificates import DAY, TIME, Party, Terms, ec_key, issue, rewritten, tlv

ROOT = issue("Root", ec_key("root"))
MIDDLE = issue("Middle", ec_key("middle"), ROOT)
LEAF = issue("Leaf", ec_key("leaf"), MIDDLE, Terms(ca=False, key_usage=False))
ALGORITHM = bytes.fromhex("300a06082a8648ce3d040303")
WITH_NULL = bytes.fromhex("300c06082a8648ce3d0403030500")


def parsed(party: Party) -> x509.Certificate:
    return x509.parse(party.der, party.name)


def roots(*parties: Party) -> Roots:
    return Roots({parsed(party).fingerprint.hex: party.name for party in parties})


@pytest.mark.parametrize("party", [ROOT, MIDDLE, LEAF], ids=lambda party: party.name)
def test_a_certificate_is_read_as_others_read_it(party: Party) -> None:
    ours, theirs = parsed(party), judge.load_der_x509_certificate(party.der)
    assert ours.tbs == theirs.tbs_certificate_bytes
    assert tlv(0x30, ours.subject) == theirs.subject.public_bytes()
    assert tlv(0x30, ours.issuer) == theirs.issuer.public_bytes()
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert ours.signature == theirs.signature
    assert ours.fingerprint.value == theirs.fingerprint(hashes.SHA256())
    assert ours.key == theirs.public_key()
    assert ours.common_name == party.name
    assert set(ours.extensions) == {extension.oid.dotted_string for extension in theirs.extensions}
    for extension in theirs.extensions:
        assert ours.extensions[extension.oid.dotted_string].critical == extension.critical


@pytest.mark.parametrize(
    "end", [datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)], ids=str
)
def test_years_have_two_digits_or_four(end: datetime) -> None:
    assert parsed(issue("Late", ec_key("leaf"), terms=Terms(end=end))).not_after == end


def test_the_serial_number_may_be_zero() -> None:
    odd = rewritten(LEAF, MIDDLE, {b"\x02\x01\x01": b"\x02\x01\x00"})
    chain = verify_chain(parsed(odd), map(parsed, [MIDDLE, ROOT]), roots(ROOT), TIME)
    assert len(chain.certificates) == 3


@pytest.mark.parametrize("inside", [WITH_NULL, ALGORITHM], ids=["both", "outside"])
def test_a_null_may_stand_behind_the_algorithm(inside: bytes) -> None:
    odd = rewritten(LEAF, MIDDLE, {ALGORITHM: inside})
    if inside == ALGORITHM:
        odd = replace(odd, der=tlv(0x30, odd.der[4:].replace(ALGORITHM + b"\x03", WITH_NULL + b"\x03", 1)))
    assert WITH_NULL in odd.der
    assert verify_chain(parsed(odd), map(parsed, [MIDDLE, ROOT]), roots(ROOT), TIME).root == "Root"


def test_two_algorithms_are_refused() -> None:
    other = bytes.fromhex("300a06082a8648ce3d040302")
    odd = replace(LEAF, der=LEAF.der.replace(ALGORITHM, other, 1))
    with pytest.raises(InputError, match="two different signature algorithms"):
        parsed(odd)


def test_pem_files_have_any_order_and_text_between() -> None:
    text = b"subject=Leaf\r\n" + LEAF.pem.replace(b"\n", b"\r\n") + b"\n# root\n" + ROOT.pem + MIDDLE.pem
    found = x509.load_certificates(File("chain.pem", text))
    assert [one.common_name for one in found] == ["Leaf", "Root", "Middle"]
    assert found[2].where == "chain.pem: certificate 3"
    assert verify_chain(found[0], found, roots(ROOT), TIME).certificates == (found[0], found[2], found[1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 elements"),
        (LEAF.der + b"\0\0", "has 2 elements"),
        (LEAF.der[:-1], "ends within an element"),
        (LEAF.pem.replace(b"MII", b"M-I"), "no PEM file of certificates"),
        (LEAF.pem.replace(b"\n-----END", b"A\n-----END"), "damaged PEM block"),
        (LEAF.pem.replace(b"-----END CERTIFICATE-----", b""), "no PEM file of certificates"),
        (LEAF.pem * 65, "has 65 certificates"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no PEM file of certificates"),
        (b"\x30\x84\xff\xff\xff\xff", "a length that is no DER"),
        (b"\x30\x80\x00\x00", "a length that is no DER"),
        (b"\x3f\x81\x00", "a tag of more than one byte"),
        (tlv(0x30, bytes(70000)), "too large"),
    ],
)
def test_files_that_hold_no_certificates(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        x509.load_certificates(File("file", data))


@given(st.integers(0, len(LEAF.der) - 1), st.integers(1, 255))
def test_a_damaged_certificate_is_refused_somewhere(at: int, change: int) -> None:
    data = bytearray(LEAF.der)
    data[at] ^= change
    with pytest.raises(OlosError):
        verify_chain(x509.parse(bytes(data), "x"), map(parsed, [MIDDLE, ROOT]), roots(ROOT), TIME)


def chain_of(*parties: Party, trusted: Party = ROOT, time: datetime = TIME) -> None:
    verify_chain(parsed(parties[0]), map(parsed, parties[1:]), roots(trusted), time)


def leaf_under(issuer: Party) -> Party:
    return issue("Leaf", ec_key("leaf"), issuer, Terms(ca=False, key_usage=False))


@pytest.mark.parametrize(
    "terms",
    [Terms(ca=False), Terms(ca=None), Terms(key_usage=False)],
    ids=["no CA", "no constraints", "no key usage"],
)
def test_who_may_not_issue_is_no_issuer(terms: Terms) -> None:
    middle = issue("Middle", ec_key("middle"), ROOT, terms)
    with pytest.raises(MismatchError, match="check 'issuer'.*Middle"):
        chain_of(leaf_under(middle), middle, ROOT)


def test_a_path_is_no_longer_than_its_issuers_allow() -> None:
    short = issue("Root", ec_key("root"), terms=Terms(path_length=0))
    with pytest.raises(MismatchError, match="check 'issuer'"):
        chain_of(LEAF, MIDDLE, short, trusted=short)
    chain_of(leaf_under(short), short, trusted=short)


def test_an_issuer_with_the_same_name_is_told_apart_by_its_key() -> None:
    other = issue("Middle", ec_key("other"), ROOT)
    chain_of(LEAF, other, MIDDLE, ROOT)
    with pytest.raises(MismatchError, match="check 'certificate signature'"):
        chain_of(LEAF, other, ROOT)


def test_a_critical_extension_that_is_not_known_is_refused() -> None:
    terms = Terms(ca=False, key_usage=False, extensions={"1.2.3.4": b"\x05\x00"}, critical=True)
    leaf = issue("Leaf", ec_key("leaf"), MIDDLE, terms)
    with pytest.raises(InputError, match=r"critical extension that is not known: 1\.2\.3\.4"):
        chain_of(leaf, MIDDLE, ROOT)


def test_every_certificate_has_its_time() -> None:
    middle = issue("Middle", ec_key("middle"), ROOT, Terms(end=TIME - DAY / 2))
    with pytest.raises(MismatchError, match="'Middle'.* has expired"):
        chain_of(leaf_under(middle), middle, ROOT)


def test_certificates_that_issue_each_other_end() -> None:
    a = issue("A", ec_key("a"), Party("B", ec_key("b")))
    b = issue("B", ec_key("b"), Party("A", ec_key("a")))
    with pytest.raises(MismatchError, match="check 'root'"):
        chain_of(a, b, a)


@pytest.mark.parametrize("key", [ec_key("p521", ec.SECP521R1), generate_private_key(65537, 2048)])
def test_keys_of_other_kinds_are_refused(key: ec.EllipticCurvePrivateKey) -> None:
    odd = issue("Odd", key)
    with pytest.raises(InputError, match="kind or size"):
        chain_of(issue("Leaf", ec_key("leaf"), odd), odd, ROOT)
