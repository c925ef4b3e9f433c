import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from measure.evidence.dcap import DCAP, ROOTS
from measure.evidence.demands import Demands
from measure.evidence.formats import FORMATS, format_of, verify
from measure.evidence.model import File, Identity, Value
from olos.errors import InputError, MismatchError, MissingToolError, OlosError
from support import dcap
from support.dcap import DAY, NOW, Made, World

MINUTE = timedelta(minutes=1)
TDX = Made(tee="tdx", version=4)


def collateral_of(made: Made, **replaced: object) -> File:
    return File("collateral.json", json.dumps(made.collateral() | replaced).encode())


def verified(
    made: Made,
    quote: bytes | None = None,
    *,
    collateral: File | None = None,
    demands: Demands | None = None,
    time: datetime = NOW,
) -> Identity:
    return verify(
        File("quote", made.quote() if quote is None else quote),
        demands or Demands(),
        collateral=(collateral or collateral_of(made),),
        roots=(File("root.der", made.world.root_der),),
        time=time,
    )


def claims(identity: Identity) -> dict[str, str]:
    return {claim.name: claim.value for claim in identity.claims}


def test_an_sgx_quote_says_who_it_is() -> None:
    identity = verified(Made())
    assert (identity.tee, identity.simulated, identity.debug) == ("sgx", False, False)
    assert identity.measurement == Value("MRENCLAVE", dcap.ENCLAVE)
    assert identity.signer == Value("MRSIGNER", dcap.SIGNER)
    assert (identity.product_id, identity.security_version) == (7, 3)
    assert identity.report_data == Value("REPORTDATA", dcap.REPORT_DATA)
    assert (identity.tcb_status, identity.advisories) == ("UpToDate", ())
    assert identity.tcb == (("tcbEvaluationDataNumber", 17), ("PCESVN", dcap.PCE_SVN))
    assert (identity.valid_from, identity.valid_until) == (NOW - DAY, NOW + 30 * DAY)
    assert claims(identity)["FMSPC"] == dcap.FMSPC.hex()
    assert claims(identity)["QE ID"] == "aa" * 16
    assert "root.der" in claims(identity)["root"]


@pytest.mark.parametrize(
    "made",
    [TDX, replace(TDX, version=5), replace(TDX, version=5, body=dcap.td_report_15())],
    ids=["version 4", "version 5", "version 5, TD report 1.5"],
)
def test_a_tdx_quote_says_who_it_is(made: Made) -> None:
    identity = verified(made)
    assert identity.tee == "tdx"
    assert identity.measurement == Value("MRTD", dcap.MRTD)
    assert (identity.signer, identity.product_id, identity.security_version) == (None, None, None)
    assert identity.report_data == Value("REPORTDATA", dcap.REPORT_DATA)
    registers = {value.name: value.data for value in identity.registers}
    assert [registers[f"RTMR{n}"] for n in range(4)] == [bytes([n + 1]) * 48 for n in range(4)]
    assert registers["MRSIGNERSEAM"] == bytes(48)
    assert ("MRSERVICETD" in registers) == (len(made.body or b"") == 648)
    assert claims(identity)["quote version"] == str(made.version)


def test_the_format_is_recognised_by_no_other_one() -> None:
    for made in (Made(), TDX, replace(TDX, version=5)):
        assert [one.name for one in FORMATS if one.recognises(made.quote())] == [DCAP.name]
    assert format_of(File("quote", Made().quote()[:500])) is DCAP
    assert not DCAP.recognises(Made().quote()[:48])
    assert not DCAP.recognises(b"")


@pytest.mark.parametrize("spelling", [bytes.hex, lambda data: data.hex(" ", 32)], ids=["digits", "lines"])
def test_a_quote_may_be_given_in_hexadecimal_digits(spelling: Callable[[bytes], str]) -> None:
    assert verified(Made(), spelling(Made().quote()).encode()).tee == "sgx"


def test_zeros_behind_the_quote_are_cut_off_and_named() -> None:
    identity = verified(replace(TDX, trailing=bytes(3065)))
    assert claims(identity)["padding"] == "3065 zeros behind the quote"
    assert "padding" not in claims(verified(TDX))


def test_anything_else_behind_the_quote_is_refused() -> None:
    with pytest.raises(InputError, match="behind the quote"):
        verified(replace(TDX, trailing=bytes(38) + b"x"))


def flipped(quote: bytes, position: int) -> bytes:
    changed = bytearray(quote)
    changed[position] ^= 1 << position % 8
    return bytes(changed)


def check_every_change_is_refused(made: Made, positions: range) -> None:
    quote, collateral = made.quote(), collateral_of(made)
    for position in positions:
        with pytest.raises(OlosError):
            verified(made, flipped(quote, position), collateral=collateral)
            raise AssertionError(f"byte {position} can be changed")


@pytest.mark.parametrize("made", [Made(), replace(TDX, trailing=bytes(39))], ids=["sgx", "tdx"])
def test_a_changed_bit_is_refused_wherever_it_is(made: Made) -> None:
    signed = len(made.signed)
    check_every_change_is_refused(made, range(0, signed + 4, 7))
    check_every_change_is_refused(made, range(signed + 4, len(made.quote()), 31))


@pytest.mark.long
@pytest.mark.parametrize("made", [Made(), replace(TDX, trailing=bytes(39))], ids=["sgx", "tdx"])
def test_a_changed_bit_is_refused_in_every_byte(made: Made) -> None:
    check_every_change_is_refused(made, range(len(made.quote())))


def without_last_byte(signed: bytes) -> bytes:
    return signed[:-1] + b"!"


def revoked_pck() -> Made:
    return Made(revoked_by_ca=(dcap.world().pck.certificate,))


def other_crls() -> dict[str, object]:
    """Revocation lists of the root alone: nobody says whether the PCK is revoked."""
    return {"pck_crl": Made().collateral()["root_ca_crl"]}


def forged_crl() -> dict[str, object]:
    """A revocation list under the name of the PCK CA, signed by another key."""
    impostor = replace(dcap.world().pck_ca, key=ec.generate_private_key(ec.SECP256R1()))
    return {"pck_crl": impostor.crl().hex()}


def changed_tcb_info() -> dict[str, object]:
    return {"tcb_info": Made().collateral()["tcb_info"].replace('"UpToDate"', '"OutOfDate"')}


def changed_qe_identity() -> dict[str, object]:
    return {"qe_identity": Made().collateral()["qe_identity"].replace('"isvsvn":8', '"isvsvn":1')}


@pytest.mark.parametrize(
    ("made", "replaced", "check"),
    [
        (revoked_pck(), {}, "revocation"),
        (Made(revoked_by_root=(dcap.world().pck_ca.certificate,)), {}, "revocation"),
        (Made(revoked_by_root=(dcap.world().tcb_signing.certificate,)), {}, "revocation"),
        (Made(revoked_by_root=(dcap.world().root.certificate,)), {}, "revocation"),
        (Made(), other_crls(), "revocation"),
        (Made(), forged_crl(), "revocation"),
        (Made(), changed_tcb_info(), "TCBInfo signature"),
        (Made(), changed_qe_identity(), "QE identity signature"),
        (Made(vendor=bytes(16)), {}, "check .QE vendor."),
        (Made(qe_attributes=0x13), {}, "quoting enclave"),
        (Made(qe_identity=dcap.qe_identity() | {"mrsigner": "11" * 32}), {}, "quoting enclave"),
        (Made(tcb_info=dcap.tcb_info() | {"fmspc": "00" * 6}), {}, "FMSPC"),
        (Made(tcb_info=dcap.tcb_info() | {"pceId": "0001"}), {}, "PCEID"),
        (Made(tcb_info=dcap.tcb_info("tdx")), {}, "expected SGX and QE"),
        (Made(qe_identity=dcap.qe_identity("tdx")), {}, "expected SGX and QE"),
        (Made(tcb_info=dcap.tcb_info(status="Revoked")), {}, "TCB status"),
        (Made(qe_identity=dcap.qe_identity(status="Revoked")), {}, "TCB status"),
        (Made(world=dcap.world(cpu_svn=bytes([10, *dcap.CPU_SVN[1:]]))), {}, "TCB level"),
        (replace(TDX, body=dcap.td_report(tcb=bytes([5, 0, 1]))), {}, "TCB level"),
        (replace(TDX, body=dcap.td_report(tcb=bytes([5, 1, 2]))), {}, "TDX module"),
        (replace(TDX, body=dcap.td_report(signer_seam=b"\1" * 48)), {}, "TDX module"),
        (replace(TDX, body=dcap.td_report(attributes=0)), {}, "TD attributes"),
        (replace(TDX, body=dcap.td_report(attributes=3 << 28)), {}, "TD attributes"),
    ],
    ids=[
        "PCK revoked",
        "PCK CA revoked",
        "TCB signing revoked",
        "root revoked",
        "revocation list of the PCK CA missing",
        "revocation list forged",
        "TCBInfo changed",
        "QE identity changed",
        "other vendor",
        "quoting enclave in debug mode",
        "quoting enclave of another signer",
        "other FMSPC",
        "other PCE",
        "TCBInfo of TDX",
        "quoting enclave of TDX",
        "TCB revoked",
        "quoting enclave revoked",
        "one component too old",
        "TDX component too old",
        "unknown version of the TDX module",
        "TDX module of another signer",
        "TD without SEPT_VE_DISABLE",
        "TD that may be moved",
    ],
)
def test_a_check_that_fails_is_named(made: Made, replaced: dict[str, object], check: str) -> None:
    with pytest.raises(MismatchError, match=check) as raised:
        verified(made, collateral=collateral_of(made, **replaced))
    assert "\n  expected " in raised.value.message
    assert "\n  actual   " in raised.value.message


@pytest.mark.parametrize("made", [Made(), TDX], ids=["sgx", "tdx"])
def test_what_was_changed_after_signing_is_refused(made: Made) -> None:
    with pytest.raises(MismatchError, match="check 'signature'"):
        verified(made, made.quote(without_last_byte))


@pytest.mark.parametrize(
    "made",
    [
        Made(body=dcap.sgx_report(attributes=7)),
        replace(TDX, body=dcap.td_report(attributes=dcap.SEPT_VE_DISABLE | 1)),
    ],
    ids=["sgx", "tdx"],
)
def test_debug_mode_is_refused_even_where_it_is_allowed(made: Made) -> None:
    with pytest.raises(MismatchError, match="check 'debug'") as raised:
        verified(made, demands=Demands(allow_debug=True))
    assert "--allow-debug changes nothing" in (raised.value.hint or "")


def test_only_intels_root_is_trusted_unless_another_one_is_named() -> None:
    made = Made()
    with pytest.raises(MismatchError, match="check 'root'") as raised:
        DCAP.verify(File("quote", made.quote()), collateral=(collateral_of(made),), roots=(), time=NOW)
    assert next(iter(ROOTS.pinned)) in raised.value.message
    assert hashlib.sha256(made.world.root_der).hexdigest() in raised.value.message


def test_a_chain_under_another_root_is_refused() -> None:
    stranger: World = dcap.world(fmspc=b"strang")
    collateral = collateral_of(Made())
    with pytest.raises(MismatchError, match="check 'root'"):
        verified(Made(), Made(world=stranger).quote(), collateral=collateral)


def test_the_chain_in_the_collateral_is_not_taken_for_the_quotes() -> None:
    """Otherwise who has a PCK of one platform could pass off quotes as those of another."""
    stranger = Made(chain=dcap.world(fmspc=b"strang").chain())
    collateral = collateral_of(Made(), pck_certificate_chain=dcap.world().chain()[:-1].decode())
    with pytest.raises(MismatchError, match="check 'root'"):
        verified(stranger, collateral=collateral)
    assert verified(Made(), collateral=collateral).tee == "sgx"


EXPIRY = {
    "TCBInfo": Made(tcb_info=dcap.tcb_info() | {"nextUpdate": "2026-03-01T12:00:00Z"}),
    "QE identity": Made(qe_identity=dcap.qe_identity() | {"nextUpdate": "2026-03-01T12:00:00Z"}),
    "the revocation list of the root CA": Made(crl_days=0),
    "Test SGX PCK Certificate": Made(world=dcap.world(pck_days=0)),
}


@pytest.mark.parametrize("what", EXPIRY)
def test_what_has_expired_is_refused_with_its_date(what: str) -> None:
    made = EXPIRY[what]
    assert verified(made, time=NOW + 5 * MINUTE).valid_until == NOW
    with pytest.raises(MismatchError, match=rf"{what}.* has expired\n.* 2026-03-01T12:00:00Z"):
        verified(made, time=NOW + 6 * MINUTE)


def test_what_is_not_valid_yet_is_refused_with_its_date() -> None:
    assert verified(Made(), time=NOW - DAY - 5 * MINUTE).tee == "sgx"
    with pytest.raises(MismatchError, match=r"TCBInfo is not valid yet\n.* 2026-02-28T12:00:00Z"):
        verified(Made(), time=NOW - DAY - 6 * MINUTE)


@pytest.mark.parametrize("status", ["SWHardeningNeeded", "ConfigurationNeeded", "OutOfDate"])
def test_a_tcb_that_is_not_up_to_date_is_refused_unless_it_is_accepted(status: str) -> None:
    made = Made(tcb_info=dcap.tcb_info(status=status, advisories=("INTEL-SA-00615",)))
    with pytest.raises(MismatchError, match=rf"expected UpToDate\n  actual   {status} \(INTEL-SA-00615\)"):
        verified(made)
    identity = verified(made, demands=Demands(tcb_statuses=frozenset({status})))
    assert (identity.tcb_status, identity.advisories) == (status, ("INTEL-SA-00615",))


def test_an_old_quoting_enclave_spoils_the_status() -> None:
    with pytest.raises(MismatchError, match="OutOfDate"):
        verified(Made(qe_identity=dcap.qe_identity(status="OutOfDate")))


@pytest.mark.parametrize(
    ("demands", "check"),
    [
        (Demands(measurement=bytes(32)), "MRENCLAVE"),
        (Demands(signer=bytes(32)), "MRSIGNER"),
        (Demands(signer=dcap.SIGNER, product_id=8), "product id"),
        (Demands(signer=dcap.SIGNER, min_svn=4), "security version"),
        (Demands(report_data=b"hello"), "REPORTDATA"),
        (Demands(registers=(Value("CONFIGID", b"\1" * 64),)), "CONFIGID"),
        (Demands(min_tcb=(("tcbEvaluationDataNumber", 18),)), "tcbEvaluationDataNumber"),
    ],
    ids=["measurement", "signer", "product id", "security version", "report data", "register", "TCB"],
)
def test_an_sgx_quote_that_says_something_else_is_refused(demands: Demands, check: str) -> None:
    with pytest.raises(MismatchError, match=check):
        verified(Made(), demands=demands)


@pytest.mark.parametrize(
    ("demands", "check"),
    [
        (Demands(measurement=bytes(48)), "MRTD"),
        (Demands(signer=bytes(48)), "signer"),
        (Demands(registers=(Value("RTMR2", bytes(48)),)), "RTMR2"),
    ],
    ids=["measurement", "signer", "register"],
)
def test_a_tdx_quote_that_says_something_else_is_refused(demands: Demands, check: str) -> None:
    with pytest.raises(MismatchError, match=check):
        verified(TDX, demands=demands)


def test_demands_that_are_met() -> None:
    registers = (Value("MRTD", dcap.MRTD), Value("RTMR3", b"\4" * 48))
    demands = Demands(measurement=dcap.MRTD, registers=registers, report_data=dcap.REPORT_DATA.rstrip(b"\0"))
    assert verified(TDX, demands=demands).tee == "tdx"


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_one_file_of_collateral(count: int) -> None:
    made = Made()
    with pytest.raises(InputError, match="one file of collateral") as raised:
        DCAP.verify(
            File("quote", made.quote()), collateral=(collateral_of(made),) * count, roots=(), time=NOW
        )
    assert "--collateral FILE" in (raised.value.hint or "")


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dcap_qvl", None)
    with pytest.raises(MissingToolError, match="dcap-qvl") as raised:
        verified(Made())
    assert "pip install" in (raised.value.hint or "")


def chain_of(*parts: str) -> bytes:
    world = dcap.world()
    certificates = {
        "pck": world.pck.certificate,
        "ca": world.pck_ca.certificate,
        "root": world.root.certificate,
        "stranger": dcap.world(fmspc=b"strang").root.certificate,
    }
    return dcap.pem(*(certificates[part] for part in parts)).encode()


@pytest.mark.parametrize("order", [("pck", "root", "ca"), ("pck", "ca", "root"), ("pck", "ca")], ids=",".join)
def test_the_order_of_a_chain_does_not_matter(order: tuple[str, ...]) -> None:
    assert verified(Made(chain=chain_of(*order))).tee == "sgx"


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        (("pck", "ca", "root", "stranger"), MismatchError, "check 'PCK chain'"),
        (("pck", "root"), InputError, "is missing"),
        (("ca", "root"), InputError, "SGX extensions"),
        (("root",), InputError, "SGX extensions"),
        ((), InputError, "PCK chain"),
    ],
    ids=["one too many", "one too few", "no PCK", "root alone", "none"],
)
def test_a_chain_of_other_certificates_is_refused(
    order: tuple[str, ...], error: type[OlosError], message: str
) -> None:
    with pytest.raises(error, match=message):
        verified(Made(chain=chain_of(*order)))
