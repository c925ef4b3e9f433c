"""`olos attest verify`: what it prints, what it refuses, and its exit codes."""

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography import x509

from measure.evidence.demands import Demands
from measure.evidence.model import File, Identity, Value
from olos_cli import attest_report
from olos_cli.attest_report import Report
from support.certificates import TIME
from support.cli import Call
from support.evidence_nitro import NONCE, PCR8, PCRS, nitro_world
from support.evidence_snp import ID_KEY, MEASUREMENT, REPORT_DATA, snp_world
from support.olos import ROOT

Args = list[str | Path]


def written(folder: Path, *files: File) -> list[Path]:
    for file in files:
        (folder / file.name).write_bytes(file.data)
    return [folder / file.name for file in files]


def snp(folder: Path, **changes: int | bytes) -> Args:
    """The arguments that verify a report."""
    world = snp_world()
    report, vcek, chain, root = written(folder, world.report(**changes), *world.collateral, *world.roots)
    time = TIME.isoformat()
    return [report, "--collateral", vcek, "--collateral", chain, "--root", root, "--time", time]


def nitro(folder: Path, document: File | None = None) -> Args:
    """The arguments that verify a document."""
    file, root = written(folder, document or nitro_world().document(), *nitro_world().roots)
    return [file, "--root", root, "--time", TIME.isoformat()]


def test_the_root_is_that_of_the_target_program(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    pem = call("attest", "root").out
    assert call("attest", "root").out == pem
    assert (tmp_path / "olos/simulated-root.pem").is_file()
    assert (
        x509.load_pem_x509_certificate(pem).subject.rfc4514_string().startswith("CN=olos simulated TEE root")
    )
    monkeypatch.setenv("OLOS_SIM_ROOT", str(tmp_path / "none"))
    refused = call("attest", "root", expect=3)
    assert (refused.out, "No such file or directory" in refused.stderr) == (b"", True)
    assert "hint: OLOS_SIM_ROOT names another file" in refused.stderr


def test_the_help_of_root_is_what_the_document_shows(call: Call) -> None:
    text = call("attest", "root", "--help").stdout
    assert f"```text\n$ olos attest root --help\n{text}```" in (ROOT / "docs" / "cli.md").read_text("utf-8")


@pytest.fixture
def verify(call: Call) -> Call:
    """Call `olos attest verify`."""
    return lambda *args, expect=0: call("attest", "verify", *args, expect=expect)


def test_the_help_is_what_the_document_shows(verify: Call) -> None:
    text = verify("--help").stdout
    document = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert f"```text\n$ olos attest verify --help\n{text}```" in document
    assert max(map(len, text.splitlines())) <= 80


def test_the_group_takes_the_options_of_the_terminal(call: Call, tmp_path: Path) -> None:
    assert call("attest", "-q", "verify", *snp(tmp_path)).stdout.startswith("genuine")
    assert "Missing command" in call("attest", expect=2).stderr
    assert "No such command" in call("attest", "xyzzy", expect=2).stderr


def test_what_a_person_sees(verify: Call, tmp_path: Path) -> None:
    outcome = verify(*snp(tmp_path), "--measurement", MEASUREMENT.hex(), "--nonce", REPORT_DATA.hex().upper())
    lines = outcome.stdout.splitlines()
    assert lines[:3] == [
        "genuine             evidence of AMD SEV-SNP",
        "as demanded         measurement, nonce",
        "",
    ]
    assert f"measurement         {MEASUREMENT.hex()[:48]}" in lines
    assert f"                    {MEASUREMENT.hex()[48:]}" in lines
    assert f"signer              {ID_KEY.hex()[:48]}" in lines
    assert "TCB                 bootloader 3, tee 0, snp 8, microcode 209" in lines
    assert "valid               2026-01-30T12:00:00Z to 2026-02-01T12:00:00Z" in lines
    assert max(map(len, lines)) <= 80
    assert outcome.stderr == ""


def test_what_was_not_demanded_is_said(verify: Call, tmp_path: Path) -> None:
    text = verify(*nitro(tmp_path)).stdout
    assert text.startswith("genuine             evidence of AWS Nitro Enclaves\nnote")
    assert "any program can" in text
    assert "this may be a replay" in text
    assert "\nas demanded" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_a_program_reads(verify: Call, tmp_path: Path) -> None:
    arguments = nitro(tmp_path)
    nonce = NONCE.hex()
    found = json.loads(
        verify(*arguments, "--nonce", nonce, "--register", f"PCR1={PCRS[1].hex()}", "--format", "json").stdout
    )
    assert found.pop("registers") == {
        **{f"PCR{index}": value.hex() for index, value in PCRS.items() if index},
        "PCR8": PCR8.hex(),
        "user_data": b"of the user".hex(),
    }
    assert [claim["name"] for claim in found.pop("claims")] == ["root", "module id", "made"]
    assert found == {
        "advisories": [],
        "debug": False,
        "key": None,
        "demanded": ["nonce", "PCR1"],
        "measurement": {"name": "PCR0", "value": PCRS[0].hex()},
        "migratable": False,
        "notes": ["neither measurement nor signer was demanded: any program can be behind it"],
        "path": str(arguments[0]),
        "product_id": None,
        "report_data": {"name": "nonce", "value": nonce},
        "schema": "olos-attest-report/1",
        "security_version": None,
        "signer": {"name": "PCR8", "value": PCR8.hex()},
        "simulated": False,
        "tcb": {},
        "tcb_status": None,
        "tee": "nitro",
        "time": "2026-01-31T12:00:00Z",
        "valid_from": "2026-01-30T12:00:00Z",
        "valid_until": "2026-02-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measurement", "00" * 48], "check 'measurement' (launch digest)"),
        (["--signer", "00" * 48], "check 'signer' (ID_KEY_DIGEST)"),
        (["--signer", ID_KEY.hex(), "--min-svn", "8"], "at least 8"),
        (["--signer", ID_KEY.hex(), "--product-id", "0"], "check 'product id'"),
        (["--nonce", "00"], "check 'nonce' (REPORT_DATA)"),
        (["--register", "HOST_DATA=01"], "check 'HOST_DATA'"),
        (["--register", "PCR4=01"], "this evidence has launch digest, FAMILY_ID, IMAGE_ID"),
        (["--min-tcb", "snp=9"], "check 'TCB' (snp)"),
        (["--time", "2027-01-01T00:00:00Z"], "has expired"),
        (["--time", "2025-01-01T00:00:00+01:00"], "is not valid yet"),
    ],
    ids=str,
)
def test_a_demand_that_is_not_met(verify: Call, tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = verify(*snp(tmp_path), *arguments, expect=5)
    assert message in outcome.stderr
    assert "expected" in outcome.stderr
    assert "actual" in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    ("policy", "option", "check", "note"),
    [
        (0xB0000, "--allow-debug", "debug", "debug mode"),
        (0x70000, "--allow-migration", "migration", "it may be moved"),
    ],
)
def test_what_is_worth_less_must_be_allowed(
    verify: Call, tmp_path: Path, policy: int, option: str, check: str, note: str
) -> None:
    arguments = snp(tmp_path, policy=policy)
    refused = verify(*arguments, expect=5).stderr
    assert f"check '{check}'" in refused
    assert option in refused
    assert note in verify(*arguments, option).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measurement", "12"], "has 2 digits, expected 64 or 96 or 128"),
        (["--measurement", "xy"], "is not an even number of hexadecimal digits"),
        (["--nonce", "123"], "is not an even number of hexadecimal digits"),
        (["--nonce", "00" * 1025], "is not an even number of hexadecimal digits"),
        (["--register", "PCR4"], "is not NAME=VALUE"),
        (["--register", "P C=00"], "is not NAME=VALUE"),
        (["--min-tcb", "snp=256"], "no number from 0 to 255"),
        (["--min-tcb", "snp=-1"], "no number from 0 to 255"),
        (["--min-svn", "1"], "a product id and a security version are what a signer says"),
        (["--min-svn", "-1"], "not in the range"),
        (["--time", "yesterday"], "is no time such as"),
        (["--time", "2026-01-31"], "is no time such as"),
        (["--time", "2026-02-30T00:00:00Z"], "no time of the calendar"),
        (["--time", "0001-01-01T00:00:00+23:59"], "no time of the calendar"),
        (["--collateral", "x"] * 17, "more than 16 files"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_a_call_that_is_wrong(verify: Call, tmp_path: Path, arguments: list[str], message: str) -> None:
    assert message in verify(*snp(tmp_path), *arguments, expect=2).stderr


def test_evidence_as_text(verify: Call, tmp_path: Path) -> None:
    arguments = snp(tmp_path)
    report = Path(arguments[0])
    data = report.read_bytes()
    for text in (data.hex(), base64.encodebytes(data).decode()):
        report.write_text(text)
        assert verify(*arguments).stdout.startswith("genuine")


def test_files_that_are_wrong(verify: Call, tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(100))
    assert "no evidence of a known format" in verify(noise, expect=3).stderr
    assert "cannot be read" in verify(tmp_path / "missing", expect=3).stderr
    large = tmp_path / "large"
    large.write_bytes(bytes((1 << 20) + 1))
    assert "more than 1048576 bytes" in verify(large, expect=3).stderr
    arguments = snp(tmp_path)
    noise.write_bytes(b"\x30\x03abc")
    assert f"{noise}: ends within an element" in verify(*arguments, "--collateral", noise, expect=3).stderr
    assert "--collateral" in verify(arguments[0], expect=3).stderr


def test_without_roots_of_its_own_it_trusts_the_makers(verify: Call, tmp_path: Path) -> None:
    document = nitro(tmp_path)[0]
    error = verify(document, "--time", TIME.isoformat(), expect=5).stderr
    assert "check 'root'" in error
    assert "AWS Nitro Enclaves root G1" in error


def test_foreign_strings_cannot_draw_on_the_terminal(verify: Call, tmp_path: Path) -> None:
    document = nitro_world().document(module_id="\x1b[2Jgenuine\nverified \u202e")
    text = verify(*nitro(tmp_path, document)).stdout
    assert "\x1b" not in text
    assert r"\x1b[2Jgenuine\nverified \u202e" in text


def test_long_values_are_cut_for_people_only(verify: Call, tmp_path: Path) -> None:
    arguments = nitro(tmp_path, nitro_world().document(user_data=b"\xaa" * 512))
    text = verify(*arguments).stdout
    assert "(512 bytes)" in text
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(verify(*arguments, "--format", "json").stdout)
    assert found["registers"]["user_data"] == "aa" * 512


def test_a_simulation_says_so_first() -> None:
    identity = Identity(
        tee="simulated",
        simulated=True,
        measurement=Value("measurement", bytes(32)),
        debug=True,
        report_data=Value("report data", bytes(64)),
        product_id=1,
        security_version=2,
        tcb_status="UpToDate",
        advisories=("A", "B"),
    )
    lines = list(attest_report.as_text(Report("x", identity, Demands(), TIME)))
    assert lines[:3] == [
        "genuine             evidence of simulated TEE",
        "note                a simulation: it protects nothing",
        "note                debug mode: the host can look into it",
    ]
    for line in (
        "product id          1",
        "security version    2",
        "TCB status          UpToDate",
        "advisories          A, B",
    ):
        assert line in lines
