import base64
from dataclasses import replace
from typing import Any

import pytest

from measure.evidence.demands import Demands, check_demands
from measure.evidence.formats import FORMATS, SIZE_LIMIT, format_of, verify
from measure.evidence.model import File, Identity, Value
from measure.evidence.textual import binary
from olos.errors import InputError, MismatchError, UsageError
from support.certificates import TIME
from support.evidence_nitro import nitro_world
from support.evidence_snp import snp_world

GOOD = Identity(
    tee="sgx",
    simulated=False,
    measurement=Value("MRENCLAVE", b"\1" * 32),
    debug=False,
    report_data=Value("REPORT_DATA", b"nonce".ljust(64, b"\0")),
    signer=Value("MRSIGNER", b"\2" * 32),
    product_id=3,
    security_version=4,
    registers=(Value("CONFIGID", b"\3" * 64),),
    tcb=(("snp", 8),),
    tcb_status="UpToDate",
)
SIGNER = {"signer": b"\2" * 32}


def changed(changes: dict[str, Any]) -> Identity:
    return replace(GOOD, **changes)


@pytest.mark.parametrize(
    "demands",
    [
        {},
        {"measurement": b"\1" * 32},
        SIGNER,
        SIGNER | {"product_id": 3},
        SIGNER | {"min_svn": 4},
        SIGNER | {"min_svn": 0},
        {"report_data": b"nonce"},
        {"report_data": b"nonce".ljust(64, b"\0")},
        {"registers": (Value("CONFIGID", b"\3" * 64), Value("MRENCLAVE", b"\1" * 32))},
        {"min_tcb": (("snp", 8),)},
    ],
    ids=str,
)
def test_demands_that_are_met(demands: dict[str, Any]) -> None:
    check_demands(GOOD, Demands(**demands))


@pytest.mark.parametrize(
    ("demands", "message"),
    [
        ({"measurement": b"\0" * 32}, f"'measurement' (MRENCLAVE) does not match\n  expected {'00' * 32}\n"),
        ({"measurement": b"\1" * 31}, "'measurement'"),
        ({"signer": b"\0" * 32}, "'signer' (MRSIGNER)"),
        (SIGNER | {"product_id": 0}, "'product id' does not match\n  expected 0\n  actual   3"),
        (SIGNER | {"min_svn": 5}, "'security version' does not match\n  expected at least 5\n  actual   4"),
        ({"report_data": b"other"}, "'nonce' (REPORT_DATA)"),
        ({"report_data": b""}, "'nonce'"),
        ({"report_data": b"nonce".ljust(65, b"\0")}, "'nonce'"),
        ({"registers": (Value("CONFIGID", b"\3" * 63),)}, "'CONFIGID'"),
        ({"registers": (Value("PCR0", b""),)}, "'PCR0' does not match\n  expected \n  actual   none"),
        ({"min_tcb": (("snp", 9),)}, "'TCB' (snp) does not match\n  expected at least 9\n  actual   8"),
        ({"min_tcb": (("fmc", 0),)}, "'TCB' (fmc) does not match\n  expected at least 0\n  actual   none"),
        ({"tcb_statuses": frozenset({"SWHardeningNeeded"})}, "'TCB status'"),
    ],
    ids=str,
)
def test_demands_that_are_not_met(demands: dict[str, Any], message: str) -> None:
    with pytest.raises(MismatchError) as caught:
        check_demands(GOOD, Demands(**demands))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("name", "allowed", "check"),
    [
        ("simulated", "allow_simulated", "simulated"),
        ("debug", "allow_debug", "debug"),
        ("migratable", "allow_migration", "migration"),
    ],
)
def test_what_is_worth_less_must_be_allowed(name: str, allowed: str, check: str) -> None:
    identity = changed({name: True})
    with pytest.raises(MismatchError, match=f"check '{check}'"):
        check_demands(identity, Demands())
    allowing: dict[str, Any] = {allowed: True}
    check_demands(identity, Demands(**allowing))


def test_a_status_names_its_advisories() -> None:
    identity = replace(GOOD, tcb_status="OutOfDate", advisories=("INTEL-SA-1", "INTEL-SA-2"))
    with pytest.raises(MismatchError, match=r"actual   OutOfDate \(INTEL-SA-1, INTEL-SA-2\)"):
        check_demands(identity, Demands())


@pytest.mark.parametrize("what", ["signer", "product_id", "security_version"])
def test_what_evidence_does_not_have_cannot_be_demanded(what: str) -> None:
    demands = Demands(signer=b"\2" * 32, product_id=3, min_svn=0)
    with pytest.raises(MismatchError, match="actual   none"):
        check_demands(changed({what: None}), demands)


@pytest.mark.parametrize("demands", [{"product_id": 1}, {"min_svn": 1}], ids=str)
def test_numbers_mean_nothing_without_the_one_who_says_them(demands: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="what a signer says"):
        Demands(**demands)


@pytest.mark.parametrize(
    "spell",
    [
        bytes,
        lambda data: data.hex().encode(),
        lambda data: data.hex().upper().encode() + b"\r\n",
        base64.b64encode,
        base64.encodebytes,
    ],
    ids=["binary", "hex", "HEX", "base64", "lines"],
)
def test_evidence_may_be_text(spell: Any) -> None:
    for data in (snp_world().report().data, nitro_world().document().data):
        assert binary(spell(data)) == data


@pytest.mark.parametrize("data", [b"", b"abcd", b"a" * 129, b"not base64! " * 20, b"=" * 200], ids=len)
def test_what_is_no_text_of_digits_stays(data: bytes) -> None:
    assert binary(data) == data


def test_every_format_recognises_its_own_alone() -> None:
    for data in (snp_world().report().data, nitro_world().document().data):
        assert sum(known.recognises(data) for known in FORMATS) == 1


@pytest.mark.parametrize("data", [b"", b"\x7fELF", bytes(100), b"{}", b"\xff" * 1184], ids=repr)
def test_what_no_format_recognises(data: bytes) -> None:
    with pytest.raises(InputError, match="no evidence of a known format") as caught:
        format_of(File("file", data))
    assert "AMD SEV-SNP attestation report" in (caught.value.hint or "")


@pytest.mark.parametrize("where", ["evidence", "collateral", "roots"])
def test_files_are_not_endless(where: str) -> None:
    large = File("large", bytes(SIZE_LIMIT + 1))
    small = snp_world().report()
    with pytest.raises(InputError, match="large: has more than 1048576 bytes"):
        verify(
            large if where == "evidence" else small,
            Demands(),
            collateral=(large,) if where == "collateral" else (),
            roots=(large,) if where == "roots" else (),
            time=TIME,
        )
