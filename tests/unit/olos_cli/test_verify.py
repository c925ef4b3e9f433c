"""`olos verify`: what it demands, what it says, and whom it believes."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from measure.sigstruct import Sigstruct, assemble, mrsigner
from olos.layout import MANIFEST, SIGSTRUCT
from olos.manifest import Manifest
from support.cli import Call
from support.keys import KEY, modulus_of, openssl, signature

DATE = ("--date", "2026-11-23")
SIGNER = mrsigner(modulus_of(KEY)).hex


@pytest.fixture(scope="session")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key of somebody else."""
    path = tmp_path_factory.mktemp("other") / "other.pem"
    openssl("genrsa", "-3", "-out", path, "3072")
    return path


@pytest.fixture
def value(call: Call, layout: Path) -> str:
    return call("measure", layout).stdout.strip()


@pytest.fixture(params=["layout", "package"])
def path(request: pytest.FixtureRequest, layout: Path, package: Path, tmp_path: Path) -> Path:
    """A layout or a package of one's own."""
    if request.param == "package":
        return Path(shutil.copy(package, tmp_path / "copy.olos"))
    return Path(shutil.copytree(layout, tmp_path / "copy"))


@pytest.fixture
def signed(call: Call, path: Path) -> Path:
    """The same, signed."""
    call("sign", path, "--key", KEY, *DATE)
    return path


def lines(call: Call, *args: str | Path) -> list[str]:
    text = call("verify", *args).stdout
    assert max(map(len, text.splitlines())) <= 80
    return text.splitlines()


def test_without_demands(call: Call, path: Path, value: str) -> None:
    first, *rest = lines(call, path)
    assert first == value
    assert rest[0] == "components  are those of the manifest"
    assert any("no byte that this version of olos would not write" in line for line in rest) is path.is_file()
    assert rest[-1] == "origin      not checked: no measurement, reference or signer was demanded"


def test_a_signature_that_is_there_is_shown(call: Call, signed: Path, value: str) -> None:
    text = lines(call, signed)
    assert text[0] == value
    assert "signature   valid, embedded" in text
    assert "signed as   product 0, security version 0, production, on 2026-11-23" in text
    assert f"signer      {SIGNER}" in text
    assert text[-1].startswith("origin      not checked")


def test_with_all_demands(
    call: Call, signed: Path, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("measure", signed, "--write", "app.reference")
    demands = ["--measurement", value, "--signer", SIGNER.upper(), "--min-svn", "0"]
    text = lines(call, signed, *demands, "--reference", "app.reference")
    assert text[0] == value
    assert "measurement  is the one demanded" in text
    assert "version      0 is at least 0" in text
    assert "reference    same measurement as in app.reference" in text
    assert text[-2:] == [f"signer       {SIGNER}", "             is the one demanded"]


def test_json(call: Call, signed: Path, value: str) -> None:
    report = json.loads(call("verify", signed, "--signer", SIGNER, "--format", "json").stdout)
    assert report == {
        "debug": False,
        "demanded": {"measurement": False, "min_security_version": None, "reference": None, "signer": True},
        "kind": "layout" if signed.is_dir() else "package",
        "measurement": value,
        "path": str(signed),
        "product_id": 0,
        "schema": "olos-verify-report/1",
        "security_version": 0,
        "signature": {"date": "2026-11-23", "embedded": True, "path": None, "signer": SIGNER},
    }


def test_json_without_a_signature(call: Call, path: Path) -> None:
    assert json.loads(call("verify", path, "--format", "json").stdout)["signature"] is None


def test_a_signature_beside(call: Call, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "app.sig"
    call("sign", path, "--key", KEY, *DATE, "-o", file)
    report = json.loads(
        call("verify", path, "--signature", file, "--signer", SIGNER, "--format", "json").stdout
    )
    assert report["signature"] == {
        "date": "2026-11-23",
        "embedded": False,
        "path": str(file),
        "signer": SIGNER,
    }


def test_the_signer_of_the_one_beside_counts(
    call: Call, signed: Path, other_key: Path, tmp_path: Path
) -> None:
    file, other = tmp_path / "app.sig", mrsigner(modulus_of(other_key)).hex
    call("sign", signed, "--key", other_key, *DATE, "-o", file)
    call("verify", signed, "--signer", SIGNER)
    call("verify", signed, "--signature", file, "--signer", other)
    call("verify", signed, "--signer", other, expect=5)
    call("verify", signed, "--signature", file, "--signer", SIGNER, expect=5)


def test_a_demanded_signer_without_a_signature(call: Call, path: Path) -> None:
    outcome = call("verify", path, "--signer", SIGNER, expect=5)
    assert outcome.out == b""
    assert f"signer does not match\n  expected {SIGNER}\n  actual   not signed\nhint: " in outcome.stderr


def test_another_signer(call: Call, signed: Path) -> None:
    outcome = call("verify", signed, "--signer", "0" * 64, expect=5)
    assert outcome.out == b""
    assert f"signer does not match\n  expected {'0' * 64}\n  actual   {SIGNER}\n" in outcome.stderr


def test_an_older_version(call: Call, signed: Path) -> None:
    outcome = call("verify", signed, "--min-svn", "1", expect=5)
    assert "security version does not match\n  expected at least 1\n  actual   0\n" in outcome.stderr


def test_another_reference(call: Call, layout: Path, path: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(layout, changed)
    edit_policy(changed, security_version=1)
    call("measure", changed, "--write", tmp_path / "reference")
    outcome = call("verify", path, "--reference", tmp_path / "reference", expect=5)
    assert "measurement does not match" in outcome.stderr
    assert "hint: see what differs with 'olos measure --check " in outcome.stderr


def edit_policy(layout: Path, **changes: Any) -> None:
    """Another policy in the manifest of a layout, which stays a valid one."""
    manifest = Manifest.decode((layout / MANIFEST).read_bytes())
    policy = dataclasses.replace(manifest.policy, **changes)
    (layout / MANIFEST).write_bytes(dataclasses.replace(manifest, policy=policy).encode())


def test_a_signature_of_another_measurement(call: Call, layout: Path, tmp_path: Path) -> None:
    """A manifest that was changed and a signature that was not."""
    copy = Path(shutil.copytree(layout, tmp_path / "copy"))
    call("sign", copy, "--key", KEY)
    edit_policy(copy, security_version=1)
    outcome = call("verify", copy, expect=5)
    assert "olos.sigstruct: measurement does not match" in outcome.stderr
    call("measure", copy)
    call("pack", copy, "-o", tmp_path / "app.olos")
    assert "olos.sigstruct: measurement" in call("verify", tmp_path / "app.olos", expect=5).stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"product_id": 1}, "product id does not match\n  expected 0\n  actual   1"),
        ({"security_version": 2}, "security version does not match\n  expected 0\n  actual   2"),
        ({"attributes": 6}, "attributes does not match\n  expected 4\n  actual   6"),
        ({"attribute_mask": 2**64 - 3}, "attribute mask does not match"),
    ],
    ids=["product", "version", "debug", "mask"],
)
def test_a_valid_signature_that_says_what_the_policy_does_not(
    call: Call, layout: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    copy = Path(shutil.copytree(layout, tmp_path / "copy"))
    call("sign", copy, "--key", KEY)
    honest = Sigstruct.decode((copy / SIGSTRUCT).read_bytes(), where="x").statement
    statement = dataclasses.replace(honest, **change)
    forged = assemble(statement, modulus_of(KEY), signature(KEY, statement.encode()))
    (copy / SIGSTRUCT).write_bytes(forged.encode())
    outcome = call("verify", copy, "--signer", SIGNER, expect=5)
    assert outcome.out == b""
    assert f"olos.sigstruct: {says}" in outcome.stderr


@pytest.mark.parametrize("position", [0, 20, 128, 512, 516, 900, 960, 1030, 1040, 1424, 1807])
def test_a_damaged_signature(call: Call, signed: Path, position: int) -> None:
    place = signed / SIGSTRUCT if signed.is_dir() else signed
    data = bytearray(place.read_bytes())
    start = data.index(bytes.fromhex("06000000e1000000000001000000000000000000"))
    data[start + position] ^= 0x10
    place.write_bytes(data)
    outcome = call("verify", signed, expect=5)
    assert outcome.out == b""
    assert "olos.sigstruct" in outcome.stderr
    call("measure", signed)


def test_a_damaged_signature_beside_a_good_one(call: Call, signed: Path, tmp_path: Path) -> None:
    file = tmp_path / "app.sig"
    call("sign", signed, "--key", KEY, "-o", file)
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert "app.sig: " in call("verify", signed, "--signature", file, expect=5).stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "beside: cannot be read: No such file"),
        (b"", "beside: 0 bytes where there must be 1808"),
        (bytes(1809), "beside: has more than 1808 bytes"),
    ],
    ids=["missing", "empty", "long"],
)
@pytest.mark.parametrize("option", ["--signature", "--reference"])
def test_files_that_are_none(
    call: Call, layout: Path, tmp_path: Path, option: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "beside").write_bytes(content)
    outcome = call("verify", layout, option, tmp_path / "beside", expect=3)
    assert outcome.out == b""
    assert (says if option == "--signature" else "beside") in outcome.stderr


def test_a_layout_with_something_else_for_a_signature(call: Call, layout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(layout, tmp_path / "copy"))
    (copy / SIGSTRUCT).write_bytes(b"short")
    assert "olos.sigstruct: 5 bytes" in call("verify", copy, expect=3).stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--signer", "12"], "a signer: '12' is not 64"),
        (["--min-svn", "65536"], "65536 is not in the range"),
        (["--min-svn", "-1"], "-1 is not in the range"),
    ],
    ids=["signer", "large", "negative"],
)
def test_wrong_calls(call: Call, layout: Path, options: list[str], says: str) -> None:
    assert says in call("verify", layout, *options, expect=2).stderr


def test_a_changed_package_is_not_signed_anew(call: Call, package: Path, tmp_path: Path) -> None:
    """A new signature must not make the digest of unrecorded files right again."""
    path = Path(shutil.copy(package, tmp_path / "copy.olos"))
    data = bytearray(path.read_bytes())
    data[data.index(b"\x7fELF", 0x8000) + 7] ^= 1
    path.write_bytes(data)
    outcome = call("sign", path, "--key", KEY, expect=5)
    assert "target/linux" in outcome.stderr
    assert path.read_bytes() == data
