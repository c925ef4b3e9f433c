import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.evidence import dcap_quote
from measure.evidence.dcap_pem import check_spelling
from measure.evidence.model import File
from olos.errors import InputError, OlosError
from support import dcap
from support.dcap import Made

TDX = Made(tee="tdx", version=4)
SGX_QUOTE, TDX_QUOTE = Made().quote(), TDX.quote()
SIZE = {"sgx": 48 + 384, "tdx": 48 + 584}
"""Where the size of the signature data stands."""


def test_the_fields_of_a_report_are_where_they_belong() -> None:
    report = dcap_quote.parse(SGX_QUOTE, "q").report
    assert report.number("ISVPRODID") == 7
    assert report.number("ISVSVN") == 3
    assert report.number("XFRM") == 0xE7
    assert report.field("REPORTDATA") == dcap.REPORT_DATA
    td = dcap_quote.parse(TDX_QUOTE, "q").report
    assert td.number("TDATTRIBUTES") == dcap.SEPT_VE_DISABLE
    assert td.field("MRSEAM") == b"\x5e" * 48
    assert td.field("TEE_TCB_SVN")[:3] == bytes([5, 0, 2])


@pytest.mark.parametrize("made", [Made(), TDX, replace(TDX, version=5)], ids=["3", "4", "5"])
def test_the_quote_is_cut_where_it_ends(made: Made) -> None:
    quote = dcap_quote.parse(replace(made, trailing=bytes(70)).quote(), "q")
    assert quote.padding == 70
    assert quote.data.startswith(made.signed)
    assert quote.data.endswith(quote.pck_chain)
    assert quote.pck_chain == made.world.chain()


def resized(quote: bytes, at: int, by: int) -> bytes:
    size = struct.unpack_from("<I", quote, at)[0] + by
    return quote[:at] + struct.pack("<I", size) + quote[at + 4 :]


AUTH, OUTER = 128, 6
CHAIN = {"sgx": SIZE["sgx"] + 4 + AUTH + 448 + 34 + 2, "tdx": SIZE["tdx"] + 4 + AUTH + OUTER + 448 + 34 + 2}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the version has 2 bytes, but only 0"),
        (SGX_QUOTE[:40], "but only"),
        (SGX_QUOTE[:400], "the report has 384 bytes"),
        (SGX_QUOTE[:-1], "the signature data has"),
        (Made(version=2).quote(), "version 2; known for SGX are 3"),
        (Made(version=4).quote(), "version 4; known for SGX are 3"),
        (Made(tee="tdx", version=3).quote(), "version 3; known for TDX are 4 and 5"),
        (Made(key_type=3).quote(), "type of the attestation key is 3"),
        (SGX_QUOTE[:4] + b"\x82" + SGX_QUOTE[5:], "TEE type 0x82"),
        (replace(TDX, version=5, body_type=1).quote(), "a body of type 1"),
        (replace(TDX, version=5, body_type=4).quote(), "a body of type 4"),
        (replace(TDX, version=5, body_type=3).quote(), "size of the body is 584"),
        (Made(certification_type=4).quote(), "type of the certification data is 4"),
        (resized(SGX_QUOTE, SIZE["sgx"], 1), "but only"),
        (resized(SGX_QUOTE, SIZE["sgx"], -1), "the PCK chain has"),
        (resized(SGX_QUOTE + bytes(9), SIZE["sgx"], 9), "9 bytes longer"),
        (resized(TDX_QUOTE + bytes(9), SIZE["tdx"], 9), "9 bytes longer"),
        (resized(SGX_QUOTE, SIZE["sgx"], 2**32 - 1 - 8192), "but only"),
        (resized(SGX_QUOTE, CHAIN["sgx"], -1), "1 bytes longer"),
        (resized(TDX_QUOTE, CHAIN["tdx"], -1), "1 bytes longer"),
        (resized(SGX_QUOTE, CHAIN["sgx"], 1), "the PCK chain has"),
        (SGX_QUOTE + bytes(64 << 10), "more than the"),
        (SGX_QUOTE + b"\1", "behind the quote"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dcap_quote.parse(data, "q")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([SGX_QUOTE, TDX_QUOTE]), st.integers(0, 1300), st.binary(max_size=12))
def test_no_bytes_make_the_reader_fail(quote: bytes, at: int, new: bytes) -> None:
    changed = quote[:at] + new + quote[at + len(new) :]
    try:
        parsed = dcap_quote.parse(changed, "q")
    except OlosError:
        return
    assert parsed.data + bytes(parsed.padding) == changed


PEM = Made().world.chain().removesuffix(b"\0")


@pytest.mark.parametrize(
    "chain",
    [PEM + b"\0", PEM, PEM[:-1], PEM[:-1] + b"\0", PEM.replace(b"\n", b"\r\n")],
    ids=["as Intel writes it", "without NUL", "without last line break", "neither line break", "CR LF"],
)
def test_spellings_of_a_chain(chain: bytes) -> None:
    check_spelling(File("chain", chain))


@pytest.mark.parametrize(
    "chain",
    [
        b"text\n" + PEM,
        PEM + b"\0\0",
        PEM + b" ",
        PEM.replace(b"\n", b"\r\n", 1),
        PEM.replace(b"\n", b"\x0b", 1),
        PEM.replace(b"\n", b"\n\n", 1),
        PEM.replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
    ],
    ids=["text", "two NULs", "blank", "mixed line ends", "vertical tab", "empty line", "other label"],
)
def test_a_chain_that_is_spelt_otherwise_is_refused(chain: bytes) -> None:
    with pytest.raises(InputError, match="PEM"):
        check_spelling(File("chain", chain))
