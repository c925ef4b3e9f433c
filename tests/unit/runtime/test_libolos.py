"""libolos, called by programs of every kind: Python answers as the kernel, and opens what C has sealed."""

import errno
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File
from olos.binaries import sdk
from support.certificates import TIME
from support.fake_tee import Tee

HERE = Path(__file__).parent
DRIVER = HERE / "libolos_driver.c"
LINKED = {
    "musl-static": ["musl-gcc", "-static"],
    "musl-dynamic": ["musl-gcc"],
    "glibc-static": ["gcc", "-static"],
    "glibc-dynamic": ["gcc"],
}
TEE = Tee()
MEASUREMENT, SIGNER = 1, 2
HEADER = struct.Struct("<8sHBBHHQ28s12s")
OVERHEAD = 80

Command = Sequence[str | Path]


def expect(command: Command, *args: str, stdin: bytes = b"", tee: Tee | None = TEE, code: int = 0) -> bytes:
    """What a driver prints; it must end with this errno."""
    whole = [*command, *args]
    result = (
        tee.run(whole, stdin) if tee else subprocess.run(whole, input=stdin, capture_output=True, check=False)
    )
    names = {0: "0", **errno.errorcode}
    assert (names.get(result.returncode, str(result.returncode)), result.stderr) == (names[code], b"")
    return result.stdout


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """The driver, linked in every way, and the one in Python."""
    folder = tmp_path_factory.mktemp("drivers")
    found: dict[str, Command] = {}
    for name, linker in LINKED.items():
        flags = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{sdk()}/include"]
        library = [sdk() / ("lib/libolos.so.1" if "dynamic" in name else "lib/libolos.a")]
        place = f"-Wl,-rpath,{sdk()}/lib"
        subprocess.run([*linker, *flags, DRIVER, *library, place, "-o", folder / name], check=True)
        found[name] = [folder / name]
    shutil.copy(HERE / "libolos_driver.py", folder)
    start = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1))"
    found["python"] = [sys.executable, "-c", start, sdk() / "python", folder / "libolos_driver.py"]
    return found


@pytest.fixture(params=[*LINKED, "python"])
def driver(request: pytest.FixtureRequest, drivers: dict[str, Command]) -> Command:
    return drivers[request.param]


@pytest.fixture
def c(drivers: dict[str, Command]) -> Command:
    return drivers["musl-static"]


def opened(sealed: bytes, aad: bytes, tee: Tee = TEE) -> bytes:
    """Open sealed data as docs/formats.md section 15 says."""
    _, _, policy, _, _, svn, _, salt, nonce = HEADER.unpack(sealed[:64])
    key = HKDF(hashes.SHA256(), 32, salt, b"olos sealed data 1").derive(tee.sealing_key(policy, svn))
    return AESGCM(key).decrypt(nonce, sealed[64:], sealed[:64] + hashlib.sha256(aad).digest())


# --- every kind of program ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [MEASUREMENT, SIGNER], ids=["measurement", "signer"])
def test_what_is_sealed_opens_again(driver: Command, policy: int) -> None:
    data = os.urandom(1000)
    sealed = expect(driver, "seal", str(policy), "name", stdin=data)
    assert len(sealed) == len(data) + OVERHEAD
    assert opened(sealed, b"name") == data
    assert expect(driver, "unseal", "name", stdin=sealed) == data
    expect(driver, "unseal", "other", stdin=sealed, code=errno.EKEYREJECTED)


def test_which_tee(driver: Command) -> None:
    assert expect(driver, "kind") == b"1\n"
    assert expect(driver, "kind", tee=None) == b"0\n"
    expect(driver, "identity", tee=None, code=errno.ENOSYS)
    expect(driver, "seal", "1", "", tee=None, code=errno.ENOSYS)


def test_evidence_is_that_of_the_tee(driver: Command) -> None:
    made = expect(driver, "evidence", stdin=b"nonce")
    demands = Demands(allow_simulated=True, report_data=b"nonce".ljust(64, b"\0"))
    identity = verify(File("evidence", made), demands, roots=TEE.roots, time=TIME)
    assert identity.measurement.data.hex() == TEE.measurement
    for flags, code in (("0", errno.EPERM), ("2", errno.EPERM), ("1", 0)):
        expect(driver, "verify-evidence", flags, stdin=made, code=code)
    changed = made[:-1] + bytes([made[-1] ^ 1])
    expect(driver, "verify-evidence", "1", stdin=changed, code=errno.EKEYREJECTED)


@pytest.mark.parametrize("curve", ["256", "384"])
def test_certificates(driver: Command, curve: str) -> None:
    made = expect(driver, "generate", "1", curve)
    certificate, key = made.split(b"-----BEGIN PRIVATE KEY-----")
    key = b"-----BEGIN PRIVATE KEY-----" + key
    assert serialization.load_pem_private_key(key, None)
    verify(File("cert", certificate), Demands(allow_simulated=True), roots=TEE.roots, time=TIME)
    expect(driver, "verify-cert", "1", "11", stdin=certificate)
    refusal = errno.EACCES if len(driver) > 1 else errno.EDOM
    expect(driver, "verify-cert", "1", "12", stdin=certificate, code=refusal)
    expect(driver, "verify-cert", "0", "11", stdin=certificate, code=errno.EPERM)


# --- sealing ------------------------------------------------------------------------------------------------

OTHERS = {
    "another measurement": (MEASUREMENT, replace(TEE, measurement="12" * 32), errno.EKEYREJECTED),
    "a debug build": (MEASUREMENT, replace(TEE, debug=True), errno.EKEYREJECTED),
    "another machine": (MEASUREMENT, replace(TEE, root=2), errno.EKEYREJECTED),
    "another signer": (SIGNER, replace(TEE, signer="23" * 32), errno.EKEYREJECTED),
    "another product": (SIGNER, replace(TEE, product_id=8), errno.EKEYREJECTED),
    "a debug build of the signer": (SIGNER, replace(TEE, debug=True), errno.EKEYREJECTED),
    "an older version": (SIGNER, replace(TEE, security_version=2), errno.EPERM),
    "unsigned": (SIGNER, replace(TEE, signer=None), errno.ENOKEY),
    "same measurement, another signer": (MEASUREMENT, replace(TEE, signer="23" * 32), 0),
    "same signer, another measurement": (SIGNER, replace(TEE, measurement="12" * 32), 0),
    "a newer version": (SIGNER, replace(TEE, security_version=4), 0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_who_else_opens_it(c: Command, name: str) -> None:
    policy, other, code = OTHERS[name]
    sealed = expect(c, "seal", str(policy), "", stdin=b"secret")
    assert expect(c, "unseal", "", stdin=sealed, tee=other, code=code) == (b"" if code else b"secret")


def test_an_unsigned_layout_cannot_seal_for_its_signer(c: Command) -> None:
    tee = replace(TEE, signer=None)
    expect(c, "seal", "2", "", tee=tee, code=errno.ENOKEY)
    expect(c, "seal", "1", "", tee=tee)


@pytest.mark.parametrize("policy", [MEASUREMENT, SIGNER], ids=["measurement", "signer"])
def test_the_header(c: Command, policy: int) -> None:
    sealed = expect(c, "seal", str(policy), "", stdin=b"12345")
    fields = HEADER.unpack(sealed[:64])
    assert fields[:7] == (b"OLOSSEAL", 1, policy, 0, *((7, 3) if policy == SIGNER else (0, 0)), 5)
    debug = expect(c, "seal", str(policy), "", stdin=b"12345", tee=replace(TEE, debug=True))
    assert HEADER.unpack(debug[:64])[3] == 1


def test_no_two_are_alike(c: Command) -> None:
    first, second = (expect(c, "seal", "1", "", stdin=b"same") for _ in range(2))
    assert first[24:52] != second[24:52]
    assert first[52:64] != second[52:64]
    assert first[64:] != second[64:]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 1 << 20], ids=str)
def test_sizes(c: Command, size: int) -> None:
    data = os.urandom(size)
    sealed = expect(c, "seal", "1", "", stdin=data) if size < 1 << 20 else b""
    if sealed:
        assert opened(sealed, b"") == data
        assert expect(c, "unseal", "", stdin=sealed) == data
    if size > 1:
        assert expect(c, "in-place", stdin=data) == data


@pytest.mark.parametrize("policy", [MEASUREMENT, SIGNER], ids=["measurement", "signer"])
def test_a_changed_bit_anywhere(drivers: dict[str, Command], policy: int) -> None:
    sealed = expect(drivers["python"], "seal", str(policy), "aad", stdin=b"a secret")
    script = """
import errno, sys, olos_tee
sealed = sys.stdin.buffer.read()
for bit in range(8 * len(sealed)):
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        olos_tee.unseal(bytes(changed), b"aad")
        print(bit, "opened")
    except OSError as exc:
        print(bit, errno.errorcode[exc.errno])
for size in range(len(sealed)):
    try:
        olos_tee.unseal(sealed[:size], b"aad")
        print("cut", size, "opened")
    except OSError as exc:
        assert exc.errno == errno.EBADMSG
try:
    olos_tee.unseal(sealed + b"x", b"aad")
    print("longer opened")
except OSError as exc:
    assert exc.errno == errno.EBADMSG
assert olos_tee.unseal(sealed, b"aad") == b"a secret"
"""
    script = f"import sys; sys.path.append({str(sdk() / 'python')!r})\n" + script
    result = TEE.run([sys.executable, "-c", script], sealed)
    assert (result.returncode, result.stderr) == (0, b"")
    answers = dict(line.split() for line in result.stdout.decode().splitlines())
    assert len(answers) == 8 * len(sealed)
    for bit, answer in answers.items():
        assert answer in allowed(int(bit) // 8, policy), bit


def allowed(byte: int, policy: int) -> set[str]:
    """How a change of this byte may be refused."""
    if byte < 11 or 16 <= byte < 24:  # magic, version, policy, size
        return {"EBADMSG"} | ({"EKEYREJECTED"} if byte == 10 else set())
    if byte == 11:  # debug
        return {"EBADMSG", "EKEYREJECTED"}
    if byte < 16 and policy == MEASUREMENT:
        return {"EBADMSG"}
    if byte in {14, 15}:  # security version
        return {"EPERM", "EKEYREJECTED"}
    return {"EKEYREJECTED"}


def test_wrong_calls(c: Command) -> None:
    answers = [errno.errorcode.get(int(n), n) for n in expect(c, "wrong").decode().split()]
    assert answers == [
        *["EINVAL"] * 14,
        *["E2BIG", "ERANGE", "EBADMSG", "EBADMSG", "E2BIG", "EFAULT", "0", "ERANGE"],
    ]


def test_a_policy_that_answers_with_a_positive_number_refuses(c: Command) -> None:
    certificate = expect(c, "generate", "1", "256").split(b"-----BEGIN PRIVATE KEY-----")[0]
    expect(c, "verify-cert-positive", "1", stdin=certificate, code=errno.EACCES)


def test_the_first_calls_of_many_threads(drivers: dict[str, Command]) -> None:
    script = f"""
import sys; sys.path.append({str(sdk() / "python")!r})
import olos_tee
from concurrent.futures import ThreadPoolExecutor
def there_and_back(number):
    data = bytes([number]) * 5000
    return olos_tee.unseal(olos_tee.seal(data)) == data
with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(there_and_back, range(64)))
"""
    expect([sys.executable, "-c", script])


def test_the_same_identity_in_c_and_python(drivers: dict[str, Command], c: Command) -> None:
    made = expect(c, "identity")
    shown = expect(drivers["python"], "identity").decode()
    assert made[:16] == struct.pack("<IIIHH", 256, 1, 5, 7, 3)
    for start, name in ((16, "measurement"), (48, "signer")):
        assert f"{name}={made[start : start + 32]!r}" in shown
    times = struct.unpack("<3q", made[144:168])
    for name, value in zip(("issued", "valid_from", "valid_until"), times, strict=True):
        assert f"{name}={value}," in shown


# --- the files ----------------------------------------------------------------------------------------------


def test_the_library_asks_nothing_of_others_and_shows_its_functions_alone() -> None:
    header = (sdk() / "include/olos/olos.h").read_text()
    functions = sorted(re.findall(r"^int (olos_\w+)\(", header, re.MULTILINE))
    assert len(functions) == 8
    shared, static = sdk() / "lib/libolos.so.1", sdk() / "lib/libolos.a"

    def names(*args: str | Path) -> list[str]:
        text = subprocess.run(["nm", *args], check=True, capture_output=True, text=True).stdout
        return sorted(
            line.split()[-1] for line in text.splitlines() if " A " not in line and line[:1] not in {"", "l"}
        )

    assert names("-g", static) == functions
    assert names("-D", "--without-symbol-versions", shared) == functions
    dynamic = subprocess.run(["readelf", "-d", shared], check=True, capture_output=True, text=True).stdout
    assert "NEEDED" not in dynamic
    assert "[libolos.so.1]" in dynamic
    assert "TEXTREL" not in dynamic


def test_an_app_may_have_an_mbedtls_of_its_own(tmp_path: Path) -> None:
    names = ("aes_setkey_enc", "gcm_setkey", "cipher_setup", "sha256_ret", "platform_zeroize")
    (tmp_path / "app.c").write_text(
        "#include <olos/olos.h>\n#include <stdlib.h>\n"
        + "".join(f"int mbedtls_{name}(void) {{ abort(); }}\n" for name in names)
        + "int main(void) { uint8_t sealed[80]; size_t size = sizeof sealed;\n"
        "return -olos_seal(1, NULL, 0, NULL, 0, sealed, &size); }\n"
    )
    flags = ["-static", f"-I{sdk()}/include", f"-L{sdk()}/lib", "-lolos"]
    subprocess.run(["gcc", tmp_path / "app.c", "-o", tmp_path / "app", *flags], check=True)
    expect([tmp_path / "app"])


@pytest.mark.parametrize("language", ["c99", "c++17"])
def test_headers_stand_alone(language: str, tmp_path: Path) -> None:
    kind = "c++" if "++" in language else "c"
    flags = [f"-std={language}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{sdk()}/include"]
    source = b"#include <olos/olos.h>\nint main(void) { return olos_tee_kind(); }\n"
    command = ["gcc", f"-x{kind}", *flags, "-fsyntax-only", "-"]
    subprocess.run(command, input=source, check=True)
