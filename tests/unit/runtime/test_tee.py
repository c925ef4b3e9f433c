"""The simulated TEE of the target, judged by the relying party's verifier, openssl and HKDF."""

import errno
import os
import stat
import struct
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from support.tee import MEASUREMENT, SIGNER, Subject, ask, key, report, root, words

SIGNED = Subject(signer=bytes([2]) * 32)
DATA = bytes(range(64))


def env(folder: Path) -> dict[str, str]:
    """The environment of a caller whose files are there."""
    return {"HOME": str(folder)}


def place(folder: Path) -> Path:
    return folder / ".local/state/olos/simulated-root.pem"


def own_key(path: Path, mode: int = 0o600) -> Path:
    """A key that somebody made with openssl."""
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", path],
        check=True,
        capture_output=True,
    )
    path.chmod(mode)
    return path


def verified(evidence: bytes, certificate: bytes, demands: Demands) -> Identity:
    roots = (File("root.der", certificate),)
    return verify(File("evidence", evidence), demands, roots=roots, time=datetime.now(UTC))


# --- evidence -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject", [Subject(), SIGNED, Subject(debug=True)], ids=["plain", "signed", "debug"]
)
def test_evidence_is_genuine_and_says_what_is(tee: Path, tmp_path: Path, subject: Subject) -> None:
    evidence, certificate = ask(tee, [report(DATA), root()], env(tmp_path), subject)
    demands = Demands(
        allow_simulated=True,
        allow_debug=subject.debug,
        measurement=subject.measurement,
        signer=subject.signer,
        product_id=7,
        min_svn=3,
        report_data=DATA,
    )
    identity = verified(evidence.body, certificate.body, demands)
    assert (identity.debug, identity.security_version, identity.simulated) == (subject.debug, 3, True)
    assert (identity.signer is None) == (subject.signer is None)
    assert identity.valid_from
    assert identity.valid_until
    assert identity.valid_until - identity.valid_from == timedelta(hours=24, minutes=5)


def leaf_of(evidence: bytes) -> x509.Certificate:
    """The certificate of the key that has signed evidence."""
    protected = cbor2.loads(cbor2.loads(evidence).value[0])
    return x509.load_der_x509_certificate(protected[33][0])


def test_the_attestation_key_is_that_of_the_start(tee: Path, tmp_path: Path) -> None:
    first, again = (leaf_of(one.body) for one in ask(tee, [report(), report(DATA)], env(tmp_path)))
    (other,) = (leaf_of(one.body) for one in ask(tee, [report()], env(tmp_path)))
    assert first == again
    assert first.public_key() != other.public_key()
    assert first.issuer == other.issuer


def test_its_certificate_is_renewed_half_a_day_before_the_end(tee: Path, tmp_path: Path) -> None:
    """A clock of which a day takes less than a second."""
    ask(tee, [root()], env(tmp_path))
    fast = {**env(tmp_path), "PATH": os.environ["PATH"], "ASAN_OPTIONS": "verify_asan_link_order=0"}
    command = ["faketime", "-f", "+0 x100000", *words(tee, Subject())]
    leaves = []
    with subprocess.Popen(command, env=fast, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write(report())
            process.stdin.flush()
            code, size = struct.unpack("<iI", process.stdout.read(8))
            assert code == 0
            leaves.append(leaf_of(process.stdout.read(size)))
            time.sleep(0.6)
        process.stdin.close()
    first, second = leaves
    assert first.public_key() == second.public_key()
    assert second.not_valid_after_utc > first.not_valid_before_utc + timedelta(hours=36)


# --- the root -----------------------------------------------------------------------------------------------


def test_the_certificate_is_a_function_of_the_key(tee: Path, tmp_path: Path) -> None:
    first, second = ask(tee, [root(), root()], env(tmp_path))
    (again,) = ask(tee, [root()], {"OLOS_SIM_ROOT": str(place(tmp_path))})
    assert first.body == second.body == again.body
    certificate = x509.load_der_x509_certificate(first.body)
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    serial = int.from_bytes(digest.finalize()[:16], "big") & (1 << 127) - 1
    assert certificate.serial_number == serial
    assert certificate.subject.rfc4514_string() == "CN=olos simulated TEE root\\, protects nothing"
    assert [(one.oid.dotted_string, one.critical) for one in certificate.extensions] == [
        ("2.5.29.19", True),
        ("2.5.29.15", True),
        ("2.25.235170598882043719799641300614159717721", True),
    ]


def test_openssl_takes_it_only_without_the_mark(tee: Path, tmp_path: Path) -> None:
    (made,) = ask(tee, [root()], env(tmp_path))
    file = tmp_path / "root.pem"
    certificate = x509.load_der_x509_certificate(made.body)
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    command: list[str | Path] = ["openssl", "verify", "-CAfile", file, "-check_ss_sig"]
    refused = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert "unhandled critical extension" in refused.stdout + refused.stderr
    subprocess.run([*command, "-ignore_critical", file], check=True, capture_output=True)
    described = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    for line in ("CA:TRUE, pathlen:0", "Not After : Dec 31 23:59:59 2049 GMT", "ecdsa-with-SHA384"):
        assert line in described


def test_a_new_key_is_closed_to_others(tee: Path, tmp_path: Path) -> None:
    ask(tee, [root()], env(tmp_path))
    path = place(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(parent.stat().st_mode) for parent in list(path.parents)[:3]] == [0o700] * 3
    assert list(path.parent.iterdir()) == [path]
    private = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.curve.name == "secp384r1"


def test_first_uses_at_once_agree(tee: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ask(tee, [root()], env(tmp_path))[0].body, range(8)))
    assert len(set(made)) == 1
    assert list(place(tmp_path).parent.iterdir()) == [place(tmp_path)]


def test_a_key_of_openssl_serves(tee: Path, tmp_path: Path) -> None:
    path = own_key(tmp_path / "key.pem")
    sec1 = tmp_path / "sec1.pem"
    subprocess.run(["openssl", "ec", "-in", path, "-out", sec1], check=True, capture_output=True)
    sec1.chmod(0o600)
    bodies = {ask(tee, [root()], {"OLOS_SIM_ROOT": str(one)})[0].body for one in (path, sec1)}
    assert len(bodies) == 1
    assert ask(tee, [root()], {"XDG_STATE_HOME": str(tmp_path)})[0].code == 0
    assert (tmp_path / "olos/simulated-root.pem").is_file()


def p256(path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)
    path.chmod(0o600)


def encrypted(path: Path) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    path.write_bytes(pem)
    path.chmod(0o600)


def foreign(path: Path) -> None:
    own_key(path)
    os.chown(path, 12345, 12345)


def foreign_by_link(path: Path) -> None:
    foreign(path.with_name("foreign.pem"))
    path.symlink_to("foreign.pem")


def text(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.touch(0o600)
        path.write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "No such file or directory"),
        (lambda path: os.mkfifo(path, 0o600), "is no regular file"),
        (lambda path: path.mkdir(), "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: own_key(path, 0o640), "is open to others"),
        (lambda path: own_key(path, 0o602), "is open to others"),
        (foreign, "belongs to another user"),
        (foreign_by_link, "belongs to another user"),
        (p256, "is no key of the curve P-384"),
        (encrypted, "is no private key in PEM, without a password"),
        (text(b""), "is no private key in PEM"),
        (text(b"\0" * 100), "is no private key in PEM"),
        (text(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "is no private key in PEM"),
        (text(b"x" * 9000), "is too large for a key"),
    ],
    ids=[
        "missing", "fifo", "directory", "device", "loop", "group", "others", "foreign", "link", "p256",
        "encrypted", "empty", "zeros", "damaged", "large",
    ],
)  # fmt: skip
def test_what_is_no_safe_key_is_refused(
    tee: Path, tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "key.pem"
    make(path)
    answers = ask(
        tee, [root(), report(), key(MEASUREMENT)], {"OLOS_SIM_ROOT": str(path), "HOME": str(tmp_path)}
    )
    assert [(one.code, one.body) for one in answers] == [(-errno.ENOKEY, b"")] * 3
    assert answers[0].complaint.count("olos: ") == 1, "it is said once"
    assert message in answers[0].complaint
    assert not place(tmp_path).exists(), "no other key is made in its place"


def test_a_home_that_cannot_be_written(tee: Path, tmp_path: Path) -> None:
    (tmp_path / ".local").write_bytes(b"a file, where there must be a directory")
    (answer,) = ask(tee, [root()], env(tmp_path))
    assert answer.code == -errno.ENOKEY
    assert f"{place(tmp_path)}: Not a directory" in answer.complaint
    (answer,) = ask(tee, [root()], {"XDG_STATE_HOME": "relative"})
    assert "neither HOME nor XDG_STATE_HOME is set" in answer.complaint


def test_who_asks_nothing_makes_nothing(tee: Path, tmp_path: Path) -> None:
    ask(tee, [], env(tmp_path))
    ask(tee, [struct.pack("<II", 9, 0)], env(tmp_path))
    assert list(tmp_path.iterdir()) == []


# --- sealing ------------------------------------------------------------------------------------------------


def derived(folder: Path, info: bytes) -> bytes:
    """The key as docs/formats.md section 13.4 has it."""
    private = serialization.load_pem_private_key(place(folder).read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    scalar = private.private_numbers().private_value.to_bytes(48, "big")
    return HKDF(hashes.SHA256(), 32, b"olos-seal-1", info).derive(scalar)


def test_keys_are_those_of_the_document(tee: Path, tmp_path: Path) -> None:
    own, versions = ask(tee, [key(MEASUREMENT), key(SIGNER, 2)], env(tmp_path), SIGNED)
    assert own.body == derived(tmp_path, b"\x01\x00" + SIGNED.measurement)
    signer = SIGNED.signer or b""
    assert versions.body == derived(tmp_path, b"\x02\x00" + signer + struct.pack("<HH", 7, 2))
    (debug,) = ask(tee, [key(MEASUREMENT)], env(tmp_path), Subject(debug=True))
    assert debug.body == derived(tmp_path, b"\x01\x01" + SIGNED.measurement)


def test_who_has_which_key(tee: Path, tmp_path: Path) -> None:
    def get(subject: Subject, policy: int, version: int = 0) -> bytes:
        (answer,) = ask(tee, [key(policy, version)], env(tmp_path), subject)
        assert answer.code == 0
        return answer.body

    signer = bytes([2]) * 32
    newer = Subject(measurement=bytes([9]) * 32, signer=signer, security_version=5)
    assert get(SIGNED, MEASUREMENT) == get(SIGNED, MEASUREMENT)
    assert get(SIGNED, SIGNER, 3) == get(newer, SIGNER, 3)
    others = [
        get(SIGNED, MEASUREMENT), get(newer, MEASUREMENT), get(newer, SIGNER, 5), get(newer, SIGNER, 3),
        get(Subject(signer=signer, product_id=8), SIGNER, 3), get(Subject(signer=bytes(32)), SIGNER, 3),
        get(Subject(signer=signer, debug=True), SIGNER, 3),
    ]  # fmt: skip
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(
    ("subject", "request_bytes", "code"),
    [
        (SIGNED, key(SIGNER, 4), errno.EPERM),
        (SIGNED, key(SIGNER, 65535), errno.EPERM),
        (Subject(), key(SIGNER, 0), errno.ENOKEY),
        (SIGNED, key(MEASUREMENT, 1), errno.EINVAL),
        (SIGNED, key(MEASUREMENT, zero=1), errno.EINVAL),
        (SIGNED, key(0), errno.EINVAL),
        (SIGNED, key(3), errno.EINVAL),
        (SIGNED, struct.pack("<II", 2, 0), errno.EINVAL),
        (SIGNED, struct.pack("<II", 2, 5) + bytes(5), errno.EINVAL),
        (SIGNED, report(bytes(63)), errno.EINVAL),
        (SIGNED, report(bytes(65)), errno.EINVAL),
        (SIGNED, struct.pack("<II", 3, 1) + b"x", errno.EINVAL),
        (SIGNED, struct.pack("<II", 0, 0), errno.EINVAL),
        (SIGNED, struct.pack("<II", 4, 0), errno.EINVAL),
        (SIGNED, struct.pack("<II", 2**32 - 1, 0), errno.EINVAL),
    ],
    ids=[
        "newer", "newest", "unsigned", "version", "not-zero", "policy-0", "policy-3", "no-body", "long-key",
        "short-report", "long-report", "long-root", "kind-0", "kind-4", "kind-max",
    ],
)  # fmt: skip
def test_what_is_refused(
    tee: Path, tmp_path: Path, subject: Subject, request_bytes: bytes, code: int
) -> None:
    answers = ask(tee, [request_bytes, root()], env(tmp_path), subject)
    assert (answers[0].code, answers[0].body, answers[0].complaint) == (-code, b"", "")
    assert answers[1].code == 0, "the next request is served"
