import json
from datetime import UTC, datetime

import dcap_qvl
import pytest

from measure.evidence import dcap_collateral
from measure.evidence.model import File
from olos.errors import InputError
from support import dcap
from support.dcap import DAY, NOW, Made

GOOD = Made().collateral()


def parse(members: object) -> dcap_collateral.Collateral:
    return dcap_collateral.parse(File("c.json", json.dumps(members).encode()))


def info(**changed: object) -> dict[str, str]:
    return {"tcb_info": json.dumps(dcap.tcb_info() | changed)}


def test_collateral_is_read() -> None:
    found = parse(GOOD)
    assert (found.fmspc, found.pce_id) == (dcap.FMSPC, bytes(2))
    assert (found.tcb_info.id, found.qe_identity.id) == ("SGX", "QE")
    assert (found.tcb_info.evaluation_number, found.qe_identity.evaluation_number) == (17, 18)
    assert found.tcb_info.text == GOOD["tcb_info"]
    assert {period.end for period in found.periods} == {NOW + 30 * DAY}
    assert {period.start for period in found.periods} == {NOW - DAY}


def test_times_of_the_calendar() -> None:
    found = parse(GOOD | info(nextUpdate="2028-02-29T23:59:59Z"))
    assert found.tcb_info.period.end == datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("chain", [None, "-----BEGIN CERTIFICATE-----"], ids=["null", "text"])
def test_a_pck_chain_may_be_there(chain: str | None) -> None:
    assert parse(GOOD | {"pck_certificate_chain": chain}).fmspc == dcap.FMSPC


def test_what_the_library_writes_is_read() -> None:
    written = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(GOOD)).to_json()
    assert dcap_collateral.parse(File("c.json", written.encode())) == parse(GOOD)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_every_key_must_be_there(key: str) -> None:
    with pytest.raises(InputError, match=rf"c.json.{key}: missing"):
        parse({name: value for name, value in GOOD.items() if name != key})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "expected an object"),
        (GOOD | {"pck_crl_issuer": ""}, "unknown key"),
        (GOOD | {"pck_certificate_chain": 1}, "expected a string"),
        (GOOD | {"root_ca_crl": ""}, "hexadecimal"),
        (GOOD | {"root_ca_crl": "0"}, "hexadecimal"),
        (GOOD | {"root_ca_crl": "30 00"}, "hexadecimal"),
        (GOOD | {"pck_crl": "3000"}, "revocation list"),
        (GOOD | {"pck_crl": "3003300102"}, "ends within an element"),
        (GOOD | {"pck_crl": GOOD["pck_crl"][:-2]}, "ends within an element"),
        (GOOD | {"tcb_info_signature": "xx"}, "hexadecimal"),
        (GOOD | {"tcb_info": {}}, "expected a string"),
        (GOOD | {"tcb_info": "{"}, "c.json.tcb_info"),
        (GOOD | {"tcb_info": "[]"}, "expected an object"),
        (GOOD | {"tcb_info": "[" * 100_000}, "nested too deeply"),
        (GOOD | {"tcb_info": '{"id":"SGX","id":"TDX"}'}, "appears twice"),
        (GOOD | info(nextUpdate="2026-02-30T00:00:00Z"), "no time of the calendar"),
        (GOOD | info(nextUpdate="2026-03-01"), "no time of the form"),
        (GOOD | info(nextUpdate="2026-03-01T00:00:00+01:00"), "no time of the form"),
        (GOOD | info(issueDate=1), "expected a string"),
        (GOOD | info(tcbEvaluationDataNumber=-1), "not from 0"),
        (GOOD | info(tcbEvaluationDataNumber="17"), "whole number"),
        (GOOD | info(fmspc="0x00"), "hexadecimal"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(members: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(members)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b" " * (2 << 20), "limit"), (b"\xff", "UTF-8"), (b"", "c.json")],
    ids=["too large", "no UTF-8", "empty"],
)
def test_what_is_no_json_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dcap_collateral.parse(File("c.json", data))
