"""Keys as OpenSSL makes them, and what is no key for SGX."""

import os
import stat
from pathlib import Path

import pytest

from measure.pkcs1 import is_signature
from measure.sigstruct import mrsigner
from olos.errors import InputError
from olos_cli.keyfile import generate, load_private, load_public_modulus, write_new
from olos_cli.passphrase import Passphrase
from support.cli import Call
from support.keys import KEY, modulus_of, openssl, public_key, signature

MODULUS = modulus_of(KEY)
PASSPHRASE = b"correct horse \xc3\xa4"


def no_passphrase() -> bytes | None:
    raise AssertionError("nobody asked for one")


def encrypted(folder: Path, *options: str, kind: str = "pkcs8") -> Path:
    """The key, encrypted by OpenSSL."""
    path = folder / "encrypted.pem"
    command = ("pkcs8", "-topk8") if kind == "pkcs8" else ("rsa", "-traditional")
    openssl(*command, *options, "-in", KEY, "-out", path, "-passout", "env:PASSPHRASE")
    return path


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSPHRASE", os.fsdecode(PASSPHRASE))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("pkcs8", ["-v2", "aes256"]),
        ("pkcs8", ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"]),
        ("pkcs8", ["-scrypt"]),
        ("rsa", ["-aes256"]),
    ],
    ids=["aes256", "aes128-sha1", "scrypt", "pkcs1"],
)
def test_encrypted_by_openssl(tmp_path: Path, kind: str, options: list[str]) -> None:
    path = encrypted(tmp_path, *options, kind=kind)
    key = load_private(path, lambda: PASSPHRASE)
    assert key.modulus == MODULUS
    assert key.sign(b"message") == signature(KEY, b"message")
    with pytest.raises(InputError, match="encrypted.pem: cannot be decrypted: the passphrase is wrong"):
        load_private(path, lambda: b"wrong")
    with pytest.raises(InputError, match="encrypted.pem: is encrypted, and no passphrase was given"):
        load_private(path, lambda: None)


def test_pkcs8() -> None:
    assert KEY.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert load_private(KEY, no_passphrase).modulus == MODULUS


def test_pkcs1(tmp_path: Path) -> None:
    openssl("rsa", "-traditional", "-in", KEY, "-out", tmp_path / "key.pem")
    assert b"BEGIN RSA PRIVATE KEY" in (tmp_path / "key.pem").read_bytes()
    assert load_private(tmp_path / "key.pem", no_passphrase).modulus == MODULUS


def test_made_by_genpkey(tmp_path: Path) -> None:
    options = ("-pkeyopt", "rsa_keygen_bits:3072", "-pkeyopt", "rsa_keygen_pubexp:3")
    openssl("genpkey", "-algorithm", "RSA", *options, "-out", tmp_path / "key.pem")
    key = load_private(tmp_path / "key.pem", no_passphrase)
    assert key.modulus == modulus_of(tmp_path / "key.pem")
    assert is_signature(b"message", key.sign(b"message"), key.modulus)


def test_through_a_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, KEY.read_bytes())
    os.close(writer)
    try:
        assert load_private(Path(f"/dev/fd/{reader}"), no_passphrase).modulus == MODULUS
    finally:
        os.close(reader)


@pytest.mark.parametrize("kind", ["SubjectPublicKeyInfo", "PKCS#1"])
def test_public_keys(tmp_path: Path, kind: str) -> None:
    path = public_key(KEY, tmp_path / "pub.pem")
    if kind == "PKCS#1":
        openssl("rsa", "-pubin", "-in", path, "-RSAPublicKey_out", "-out", path)
        assert b"BEGIN RSA PUBLIC KEY" in path.read_bytes()
    assert load_public_modulus(path) == MODULUS


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys that are of no use here, named by what is wrong with them."""
    folder = tmp_path_factory.mktemp("foreign")
    openssl("genrsa", "-3", "-out", folder / "2048", "2048")
    openssl("genrsa", "-out", folder / "65537", "3072")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", folder / "ec")
    openssl("genpkey", "-algorithm", "ed25519", "-out", folder / "ed25519")
    for name in ("2048", "65537", "ec", "ed25519"):
        public_key(folder / name, folder / f"{name}.pub")
    public_key(KEY, folder / "public")
    openssl("req", "-x509", "-key", KEY, "-subj", "/CN=x", "-out", folder / "certificate")
    openssl("pkey", "-in", KEY, "-outform", "DER", "-out", folder / "der")
    (folder / "empty").write_bytes(b"")
    (folder / "cut").write_bytes(KEY.read_bytes()[:800])
    (folder / "damaged").write_bytes(KEY.read_bytes().replace(b"M", b"N"))
    (folder / "endless").write_bytes(KEY.read_bytes() * 100)
    (folder / "label").write_bytes(b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
    return folder


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("2048", "an RSA key of 2048 bits, but SGX needs 3072"),
        ("65537", "an RSA key with exponent 65537, but SGX needs 3"),
        ("ec", "is no RSA key"),
        ("ed25519", "is no RSA key"),
        ("public", "holds no private key but a PUBLIC KEY"),
        ("certificate", "holds no private key but a CERTIFICATE"),
        ("der", "is no PEM file"),
        ("empty", "is no PEM file"),
        ("cut", "cannot be read as a private key"),
        ("damaged", "cannot be read as a private key"),
        ("endless", "has more than 65536 bytes"),
        ("label", "cannot be read as a private key"),
        ("missing", "cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_what_is_no_private_key_for_sgx(foreign: Path, name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_private(foreign / name, no_passphrase)
    assert caught.value.message == f"{foreign / name}: {says}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("2048.pub", "an RSA key of 2048 bits, but SGX needs 3072"),
        ("65537.pub", "an RSA key with exponent 65537, but SGX needs 3"),
        ("ec.pub", "is no RSA key"),
        ("ed25519.pub", "is no RSA key"),
        ("65537", "holds no public key but a PRIVATE KEY"),
        ("certificate", "holds no public key but a CERTIFICATE"),
        ("empty", "is no PEM file"),
    ],
)
def test_what_is_no_public_key_for_sgx(foreign: Path, name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_public_modulus(foreign / name)
    assert caught.value.message == f"{foreign / name}: {says}"


def test_a_new_key_is_openssls_as_well(tmp_path: Path) -> None:
    key = generate()
    for passphrase in (None, PASSPHRASE):
        path = tmp_path / f"key-{passphrase is None}.pem"
        write_new(path, key.pem(passphrase))
        text = openssl("pkey", "-in", path, "-passin", "env:PASSPHRASE", "-noout", "-text")
        assert b"3072 bit" in text
        assert b"publicExponent: 3 (0x3)" in text
        assert (b"ENCRYPTED" in path.read_bytes()) is (passphrase is not None)
        assert load_private(path, lambda: PASSPHRASE).modulus == key.modulus


def test_keygen(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    before = os.umask(0)
    try:
        told = call("keygen", "-o", path).stdout
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert told == f"{mrsigner(modulus_of(path)).hex}\n"
    again = call("keygen", "-o", path, expect=3)
    assert again.out == b""
    assert "key.pem: exists, and a key is never overwritten" in again.stderr
    assert f"{mrsigner(modulus_of(path)).hex}\n" == told


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\nsecond line\n"], ids=repr)
def test_the_first_line_of_a_file_is_the_passphrase(tmp_path: Path, ending: bytes) -> None:
    (tmp_path / "pass").write_bytes(PASSPHRASE + ending)
    assert Passphrase(tmp_path / "pass", None).given() == PASSPHRASE


def test_keygen_with_a_passphrase(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    call("keygen", "-o", path, "--passphrase-env", "PASSPHRASE")
    openssl("pkey", "-in", path, "-passin", "env:PASSPHRASE", "-noout")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--passphrase-file", "pass", "--passphrase-env", "PASSPHRASE"], 2, "cannot be used together"),
        (["--passphrase-env", "NO_SUCH_NAME"], 3, "NO_SUCH_NAME: is not in the environment"),
        (["--passphrase-file", "empty"], 3, "empty: the passphrase is empty"),
        (["--passphrase-file", "long"], 3, "long: a passphrase of more than 1023 bytes"),
        (["--passphrase-file", "missing"], 3, "missing: cannot be read"),
    ],
    ids=["both", "unset", "empty", "long", "missing"],
)
def test_keygen_refuses(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").write_bytes(b"\nnot this line")
    Path("long").write_bytes(b"x" * 1024)
    outcome = call("keygen", "-o", "key.pem", *options, expect=code)
    assert says in outcome.stderr
    assert not Path("key.pem").exists()


def test_keygen_where_nothing_can_be_written(call: Call, tmp_path: Path) -> None:
    assert "cannot be written: No such file" in call("keygen", "-o", tmp_path / "a" / "b", expect=3).stderr
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    call("keygen", "-o", tmp_path / "link", expect=3)
    assert not (tmp_path / "elsewhere").exists()


def test_an_interrupted_write_leaves_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="key.pem: cannot be written: No space left on device"):
        write_new(tmp_path / "key.pem", b"key")
    assert list(tmp_path.iterdir()) == []
