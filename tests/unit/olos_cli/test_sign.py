"""Signing layouts and packages, with a key at hand and with one elsewhere."""

import datetime
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from olos.layout import SIGSTRUCT
from support import sigstruct as judge
from support.cli import Call
from support.keys import KEY, openssl, public_key
from support.measured import run
from support.olos import ROOT

DATE = ("--date", "2026-11-23")


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def copy(layout: Path, tmp_path: Path) -> Path:
    """A layout of one's own."""
    return Path(shutil.copytree(layout, tmp_path / "copy"))


@pytest.fixture
def copied_package(package: Path, tmp_path: Path) -> Path:
    """A package of one's own."""
    return Path(shutil.copy(package, tmp_path / "copy.olos"))


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_layout(call: Call, layout: Path, copy: Path) -> None:
    value = call("measure", layout).stdout
    signer = call("sign", copy, "--key", KEY, *DATE).stdout
    data = (copy / SIGSTRUCT).read_bytes()
    assert signer == f"{judge.einit(data)}\n"
    assert judge.raw(data, "ENCLAVEHASH").hex() + "\n" == value
    assert judge.number(data, "DATE") == 0x20261123
    assert call("measure", copy).stdout == value
    assert listing(copy) == {**listing(layout), SIGSTRUCT: data}


def test_a_package_is_the_one_packed_from_the_signed_layout(
    call: Call, copy: Path, copied_package: Path, tmp_path: Path
) -> None:
    value = call("measure", copied_package).stdout
    copied_package.chmod(0o711)
    call("sign", copied_package, "--key", KEY, *DATE)
    call("sign", copy, "--key", KEY, *DATE)
    call("pack", copy, "-o", tmp_path / "packed.olos")
    assert copied_package.read_bytes() == (tmp_path / "packed.olos").read_bytes()
    assert copied_package.stat().st_mode & 0o7777 == 0o711
    assert call("measure", copied_package).stdout == value
    call("unpack", copied_package, tmp_path / "unpacked")
    assert listing(tmp_path / "unpacked") == listing(copy)


def test_the_package_runs_its_own_checks_as_before(call: Call, copied_package: Path) -> None:
    call("sign", copied_package, "--key", KEY, *DATE)
    value = call("measure", copied_package).stdout
    assert run(copied_package, "--olos-measure").stdout == value
    run(copied_package, "--olos-verify", value.strip())


def test_a_link_to_a_package_stays_one(call: Call, copied_package: Path, tmp_path: Path) -> None:
    (tmp_path / "link.olos").symlink_to(copied_package)
    call("sign", tmp_path / "link.olos", "--key", KEY, *DATE)
    assert (tmp_path / "link.olos").is_symlink()
    assert SIGSTRUCT.encode() in copied_package.read_bytes()


@pytest.mark.parametrize("kind", ["layout", "package"])
def test_signing_again_replaces(call: Call, copy: Path, copied_package: Path, kind: str) -> None:
    path = copy if kind == "layout" else copied_package

    def state() -> object:
        return listing(path) if path.is_dir() else path.read_bytes()

    call("sign", path, "--key", KEY, *DATE)
    first = state()
    call("sign", path, "--key", KEY, "--date", "2026-11-24")
    assert state() != first
    call("sign", path, "--key", KEY, *DATE)
    assert state() == first


@pytest.mark.parametrize("kind", ["layout", "package"])
def test_detached(
    call: Call, layout: Path, copy: Path, copied_package: Path, tmp_path: Path, kind: str
) -> None:
    path = copy if kind == "layout" else copied_package
    before = copied_package.read_bytes()
    call("sign", path, "--key", KEY, *DATE, "-o", tmp_path / "app.sig")
    judge.einit((tmp_path / "app.sig").read_bytes())
    assert listing(copy) == listing(layout)
    assert copied_package.read_bytes() == before


def test_json(call: Call, copy: Path) -> None:
    report = json.loads(call("sign", copy, "--key", KEY, *DATE, "--format", "json").stdout)
    assert report == {
        "date": "2026-11-23",
        "debug": False,
        "measurement": call("measure", copy).stdout.strip(),
        "output": str(copy / SIGSTRUCT),
        "path": str(copy),
        "product_id": 0,
        "schema": "olos-sign-report/1",
        "security_version": 0,
        "signer": judge.einit((copy / SIGSTRUCT).read_bytes()),
    }


def date_of(path: Path) -> str:
    return f"{judge.number(path.read_bytes(), 'DATE'):08x}"


def test_the_date_is_today(call: Call, copy: Path) -> None:
    days = {datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")}
    call("sign", copy, "--key", KEY)
    days.add(datetime.datetime.now(datetime.UTC).strftime("%Y%m%d"))
    assert date_of(copy / SIGSTRUCT) in days


@pytest.mark.parametrize(
    ("epoch", "date"),
    [("0", "19700101"), ("86399", "19700101"), ("86400", "19700102"), ("253402300799", "99991231")],
)
def test_the_date_of_the_epoch(
    call: Call, copy: Path, monkeypatch: pytest.MonkeyPatch, epoch: str, date: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    call("sign", copy, "--key", KEY)
    assert date_of(copy / SIGSTRUCT) == date


@pytest.mark.parametrize("epoch", ["-1", "1.5", "x", "253402300800", "9" * 5000, "٣"])
def test_what_is_no_epoch(call: Call, copy: Path, monkeypatch: pytest.MonkeyPatch, epoch: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert "is no number of seconds since 1970" in call("sign", copy, "--key", KEY, expect=3).stderr


def offline(call: Call, path: Path, folder: Path, *options: str) -> list[str | Path]:
    """Both steps up to the last: what to call `olos sign PATH` with. OpenSSL is the one with the key."""
    tbs, signature, key = folder / "app.tbs", folder / "app.raw", public_key(KEY, folder / "pub.pem")
    told = call("sign", path, "--write-tbs", tbs, *(options or DATE)).stdout
    assert told == run("sha256sum", tbs).stdout.split()[0] + "\n"
    openssl("dgst", "-sha256", "-sign", KEY, "-out", signature, tbs)
    return ["--tbs", tbs, "--signature", signature, "--public-key", key]


@pytest.mark.parametrize("kind", ["layout", "package", "detached"])
def test_two_steps_give_what_one_gives(
    call: Call, copy: Path, copied_package: Path, tmp_path: Path, kind: str
) -> None:
    path = copied_package if kind == "package" else copy
    output = ["-o", tmp_path / "app.sig"] if kind == "detached" else []
    result = {"layout": copy / SIGSTRUCT, "package": copied_package, "detached": tmp_path / "app.sig"}[kind]
    signer = call("sign", path, *offline(call, path, tmp_path), *output).stdout
    data = result.read_bytes()
    assert call("sign", path, "--key", KEY, *DATE, *output).stdout == signer
    assert result.read_bytes() == data


def test_the_bytes_to_be_signed(call: Call, copy: Path, tmp_path: Path) -> None:
    told = call("sign", copy, "--write-tbs", tmp_path / "tbs", *DATE, "--format", "json").stdout
    report = json.loads(told)
    assert report["signer"] is None
    assert report["to_be_signed_sha256"] == run("sha256sum", tmp_path / "tbs").stdout.split()[0]
    assert not (copy / SIGSTRUCT).exists()
    call("sign", copy, "--key", KEY, *DATE)
    assert (tmp_path / "tbs").read_bytes() == judge.to_be_signed((copy / SIGSTRUCT).read_bytes())


def flip(path: Path, position: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda folder: flip(folder / "app.raw", 200), 5, "app.raw: SIGNATURE is not one"),
        (lambda folder: (folder / "app.raw").write_bytes(b"\xff" * 384), 5, "larger than its modulus"),
        (lambda folder: (folder / "app.raw").write_bytes(bytes(384)), 5, "SIGNATURE is not one"),
        (lambda folder: (folder / "app.raw").write_bytes(b"x" * 512), 3, "512 bytes, but a signature"),
        (lambda folder: flip(folder / "app.tbs", 200), 5, "app.tbs: measurement does not match"),
        (lambda folder: flip(folder / "app.tbs", 0), 5, "app.tbs: HEADER does not match"),
        (lambda folder: flip(folder / "app.tbs", 252), 5, "app.tbs: product id does not match"),
        (lambda folder: flip(folder / "app.tbs", 20), 5, "app.raw: SIGNATURE is not one"),
        (lambda folder: (folder / "app.tbs").write_bytes(b""), 3, "app.tbs: 0 bytes where there must be 256"),
        (lambda folder: (folder / "app.tbs").write_bytes(bytes(257)), 3, "app.tbs: has more than 256 bytes"),
        (lambda folder: shutil.copy(KEY, folder / "pub.pem"), 3, "holds no public key but a PRIVATE KEY"),
        (lambda folder: (folder / "app.raw").unlink(), 3, "app.raw: cannot be read"),
    ],
    ids=[
        "signature", "large", "zero", "size", "measurement", "header", "product", "date", "empty", "long",
        "private", "missing",
    ],
)  # fmt: skip
def test_offline_parts_that_do_not_fit(
    call: Call, layout: Path, copy: Path, tmp_path: Path, spoil: object, code: int, says: str
) -> None:
    options = offline(call, copy, tmp_path)
    assert callable(spoil)
    spoil(tmp_path)
    outcome = call("sign", copy, *options, expect=code)
    assert outcome.out == b""
    assert says in outcome.stderr
    assert listing(copy) == listing(layout)


def test_another_key_than_the_one_that_signed(call: Call, copy: Path, tmp_path: Path) -> None:
    options = offline(call, copy, tmp_path)
    openssl("genrsa", "-3", "-out", tmp_path / "other.pem", "3072")
    public_key(tmp_path / "other.pem", tmp_path / "pub.pem")
    assert "app.raw: " in call("sign", copy, *options, expect=5).stderr


@pytest.mark.parametrize("kind", ["layout", "package"])
def test_a_changed_component_is_not_signed(
    call: Call, copy: Path, copied_package: Path, tmp_path: Path, kind: str
) -> None:
    flip(copy / "kernel" / "linux", 1000)
    data = bytearray(copied_package.read_bytes())
    data[data.index((copy / "crt" / "initramfs.cpio").read_bytes()[:64])] ^= 1
    copied_package.write_bytes(data)
    path = copy if kind == "layout" else copied_package
    call("sign", path, "--key", KEY, expect=5)
    call("sign", path, "--write-tbs", tmp_path / "tbs", expect=5)
    assert not (copy / SIGSTRUCT).exists()
    assert not (tmp_path / "tbs").exists()
    assert copied_package.read_bytes() == data


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "does not say with what to sign"),
        (["--key", "k", "--write-tbs", "t"], "does not say with what to sign"),
        (["--key", "k", "--tbs", "t"], "does not say with what to sign"),
        (["--tbs", "t", "--signature", "s"], "does not say with what to sign"),
        (["--signature", "s", "--public-key", "p"], "does not say with what to sign"),
        (["--tbs", "t", "--signature", "s", "--public-key", "p", *DATE], "--date and --tbs cannot be used"),
        (["--write-tbs", "t", "-o", "x"], "--output and --write-tbs cannot be used together"),
        (["--write-tbs", "t", "--passphrase-env", "X"], "a passphrase is for --key only"),
        (["--key", "k", "--passphrase-env", "X", "--passphrase-file", "y"], "cannot be used together"),
        (["--key", "k", "-o", "k"], "k: would be overwritten"),
        (["--key", "k", "-o", "./app.olos"], "app.olos: would be overwritten"),
        (["--write-tbs", "app.olos"], "app.olos: would be overwritten"),
        (["--key", "k", "--date", "2023-02-29"], "--date 2023-02-29: is no day"),
        (["--key", "k", "--date", "20230228"], "--date 20230228: is no day"),
    ],
)
def test_wrong_calls(
    call: Call,
    copied_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    copied_package.rename("app.olos")
    shutil.copy(KEY, "k")
    before = listing(tmp_path)
    assert says in call("sign", "app.olos", *options, expect=2).stderr
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("path", "says"),
    [("missing", "missing: cannot be read"), ("empty", "no layout"), ("file", "not a package")],
)
def test_what_cannot_be_signed(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("file").write_bytes(b"x" * 100)
    assert says in call("sign", path, "--key", KEY, expect=3).stderr


def test_a_wrong_key_signs_nothing(call: Call, layout: Path, copy: Path, tmp_path: Path) -> None:
    openssl("genrsa", "-3", "-out", tmp_path / "small.pem", "2048")
    outcome = call("sign", copy, "--key", tmp_path / "small.pem", expect=3)
    assert "small.pem: an RSA key of 2048 bits, but SGX needs 3072" in outcome.stderr
    assert "hint: make a key with 'olos keygen'" in outcome.stderr
    assert listing(copy) == listing(layout)


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PASSPHRASE", "open sesame")
    openssl(
        "pkcs8", "-topk8", "-v2", "aes256", "-in", KEY, "-out", tmp_path / "e", "-passout", "env:PASSPHRASE"
    )
    return tmp_path / "e"


def test_an_encrypted_key(call: Call, copy: Path, tmp_path: Path, encrypted: Path) -> None:
    (tmp_path / "pass").write_text("open sesame\n")
    for options in (["--passphrase-env", "PASSPHRASE"], ["--passphrase-file", tmp_path / "pass"]):
        call("sign", copy, "--key", encrypted, *DATE, *options)
        judge.einit((copy / SIGSTRUCT).read_bytes())
        (copy / SIGSTRUCT).unlink()
    (tmp_path / "pass").write_text("Open Sesame\n")
    outcome = call("sign", copy, "--key", encrypted, "--passphrase-file", tmp_path / "pass", expect=3)
    assert "e: cannot be decrypted: the passphrase is wrong" in outcome.stderr
    assert not (copy / SIGSTRUCT).exists()


def test_no_passphrase_and_no_terminal(copy: Path, encrypted: Path) -> None:
    command = [sys.executable, "-m", "olos_cli", "sign", str(copy), "--key", str(encrypted)]
    result = subprocess.run(
        command, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert result.returncode == 3
    assert "is encrypted, and no passphrase was given" in result.stderr


@pytest.mark.parametrize(
    ("answer", "code"), [(b"open sesame\n", 0), (b"wrong\n", 3), (b"\x03", 130), (b"\x04", 3)]
)
def test_the_passphrase_is_asked_for_and_not_shown(
    copy: Path, encrypted: Path, answer: bytes, code: int
) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(
            sys.executable, [sys.executable, "-m", "olos_cli", "sign", str(copy), "--key", str(encrypted)]
        )
    seen = b""
    while b"passphrase" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, answer)
    try:
        while more := os.read(terminal, 1000):
            seen += more
    except OSError:  # the other side is gone
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, seen
    assert answer.strip() not in seen.replace(b"the passphrase is wrong", b"")
    assert (copy / SIGSTRUCT).exists() is (code == 0)
