"""The system calls of the TEE (docs/tee.md), made by all kinds of programs; Python verifies them."""

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from measure.evidence.model import File, Identity
from olos.errors import OlosError
from support.evidence_simulated import simulated_world
from support.runtime import APP, POLICY, Spec, make_layout, with_app
from support.tee_apps import CALLS, add_dynamic, ask, root_of, verified

PROGRAM = "/bin/tee-calls"
APP_OF_CALLS = replace(APP, args=(PROGRAM,))
NONCE = b"\x5a" * 64
SIMULATED, DEBUG = 1, 2
CERTIFICATE, EVIDENCE = 0, 1


@dataclass(frozen=True)
class Place:
    """A layout, and where the root key of its TEE lies."""

    layout: Path
    home: Path

    def lines(self, *args: str, stdin: bytes = b"") -> list[str]:
        result = ask(self.layout, self.home, *args, stdin=stdin)
        assert result.returncode == 0, result
        return result.stdout.decode().splitlines()

    def output(self, *args: str) -> bytes:
        result = ask(self.layout, self.home, *args)
        assert result.returncode == 0, result
        return result.stdout

    def verify(self, data: bytes, what: int, flags: int = SIMULATED, *roots: str) -> tuple[str, bytes]:
        """The app's own verdict: errno, and the bytes of struct olos_identity."""
        code, *identity = self.lines("verify", str(what), str(flags), *roots, stdin=data)
        return code, bytes.fromhex("".join(identity))

    @property
    def root(self) -> File:
        return root_of(self.layout, self.home)


@dataclass(frozen=True)
class Attempt:
    """What is given to OLOS_SYS_VERIFY."""

    data: bytes
    what: int
    flags: int = SIMULATED
    roots: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("tee")
    other = simulated_world("stranger").root.pem

    def fill(tree: Path) -> None:
        add_dynamic(tree, CALLS, "bin/dynamic")
        (tree / "stranger.pem").write_bytes(other)

    spec = Spec(app=APP_OF_CALLS, programs={PROGRAM: CALLS}, fill=fill)
    return Place(make_layout(folder / "layout", spec), folder)


def pieces(output: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = serialization.load_pem_private_key(output, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(output), key


# --- generate and report ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("curve", "size"), [("256", 256), ("384", 384)])
def test_generated_certificates_prove_the_app(place: Place, curve: str, size: int) -> None:
    output = place.output("generate", curve, "1")
    certificate, key = pieces(output)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    assert output.startswith(pem)
    identity = verified(pem, place.root, place.layout)
    assert identity.simulated
    assert not identity.debug
    assert key.curve.key_size == size
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=box"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["box"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert certificate.serial_number.bit_length() in range(120, 128)


def test_der_is_the_same_form_as_that_of_others(place: Place) -> None:
    output = place.output("generate", "384", "0")
    size = int.from_bytes(output[2:4], "big") + 4
    key = serialization.load_der_private_key(output[size:], None)
    plain = serialization.NoEncryption()
    assert output[size:] == key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain
    )
    verified(output[:size], place.root, place.layout)


def test_keys_are_new_each_time(place: Place) -> None:
    assert place.output("generate", "256", "1") != place.output("generate", "256", "1")


@pytest.mark.parametrize("program", [PROGRAM, "/bin/dynamic"], ids=["static", "dynamic"])
def test_evidence(place: Place, tmp_path: Path, program: str) -> None:
    layout = with_app(place.layout, tmp_path / "l", replace(APP, args=(program,)))
    evidence = Place(layout, place.home).output("report")
    assert verified(evidence, place.root, layout, NONCE).report_data.data == NONCE


def test_what_the_policy_says_is_in_the_evidence_and_in_a_file(place: Place, tmp_path: Path) -> None:
    policy = replace(POLICY, product_id=7, security_version=3)
    layout = with_app(place.layout, tmp_path / "l", APP_OF_CALLS, policy)
    identity = verified(Place(layout, place.home).output("report"), place.root, layout)
    assert (identity.product_id, identity.security_version, identity.signer) == (7, 3, None)
    shown = ask(
        with_app(layout, tmp_path / "m", replace(APP, args=("/bin/cat",)), policy),
        place.home,
        "/run/olos/tee.json",
    )
    text = shown.stdout.decode()
    assert text == json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)
    known = json.loads(text)
    assert {name: known[name] for name in known if name != "measurement"} == {
        "debug": False, "hardware": False, "product_id": 7, "security_version": 3, "signer": None,
        "target": "linux",
    }  # fmt: skip


# --- verify: Python and C say the same --------------------------------------------------------------------


def by_python(data: bytes, place: Place) -> Identity | None:
    try:
        return verified(data, place.root, place.layout)
    except OlosError:
        return None


@pytest.mark.parametrize("what", ["certificate", "pem", "evidence"])
def test_both_accept_the_same(place: Place, what: str) -> None:
    if what == "evidence":
        data, kind = place.output("report"), EVIDENCE
    else:
        certificate, _ = pieces(place.output("generate", "256", "1"))
        form = serialization.Encoding.PEM if what == "pem" else serialization.Encoding.DER
        data, kind = certificate.public_bytes(form), CERTIFICATE
    expected = verified(data, place.root, place.layout)
    code, identity = place.verify(data, kind)
    assert code == "0"
    assert len(identity) == 256
    assert identity[:12] == b"\0\1\0\0\1\0\0\0\1\0\0\0"
    assert identity[16:48] == expected.measurement.data
    assert identity[48:80] == bytes(32)
    assert identity[80:144] == expected.report_data.data
    assert expected.valid_until is not None
    assert int.from_bytes(identity[160:168], "little") == int(expected.valid_until.timestamp())
    digest = expected.key.data if expected.key else b""
    assert identity[168:216] == digest.ljust(48, b"\0")
    assert identity[216:] == bytes(40)


def test_each_refusal_has_an_errno(place: Place) -> None:
    certificate, _ = pieces(place.output("generate", "256", "1"))
    der = certificate.public_bytes(serialization.Encoding.DER)
    other, _ = pieces(place.output("generate", "256", "1"))
    relayed = der.replace(spki(certificate), spki(other))
    forged = der[:-1] + bytes([der[-1] ^ 1])
    evidence = place.output("report")
    cases: dict[str, tuple[Attempt, str]] = {
        "simulated": (Attempt(der, CERTIFICATE, 0), "EPERM"),
        "another key": (Attempt(relayed, CERTIFICATE), "EKEYREJECTED"),
        "signature": (Attempt(forged, CERTIFICATE), "EKEYREJECTED"),
        "another root": (Attempt(der, CERTIFICATE, SIMULATED, ("/stranger.pem",)), "EKEYREJECTED"),
        "cut off": (Attempt(der[:-1], CERTIFICATE), "EBADMSG"),
        "something behind": (Attempt(der + b"\0", CERTIFICATE), "EBADMSG"),
        "evidence as a certificate": (Attempt(evidence, CERTIFICATE), "EBADMSG"),
        "a certificate as evidence": (Attempt(der, EVIDENCE), "EBADMSG"),
        "no evidence in it": (Attempt(place.root.data, CERTIFICATE), "EBADMSG"),
        "evidence cut off": (Attempt(evidence[:-1], EVIDENCE), "EBADMSG"),
        "evidence changed": (Attempt(evidence[:-1] + bytes([evidence[-1] ^ 1]), EVIDENCE), "EKEYREJECTED"),
    }
    found = {
        name: place.verify(call.data, call.what, call.flags, *call.roots)[0]
        for name, (call, _) in cases.items()
    }
    assert found == {name: code for name, (_, code) in cases.items()}
    assert all(by_python(call.data, place) is None for name, (call, _) in cases.items() if name not in USES)


USES = {"simulated", "another root", "evidence as a certificate", "a certificate as evidence"}
"""Refusals of a use, and not of the bytes."""


def spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_debug_builds_are_refused_without_leave(place: Place, tmp_path: Path) -> None:
    layout = with_app(place.layout, tmp_path / "l", APP_OF_CALLS, replace(POLICY, debug=True))
    data = Place(layout, place.home).output("report")
    assert place.verify(data, EVIDENCE)[0] == "EPERM"
    code, identity = place.verify(data, EVIDENCE, SIMULATED | DEBUG)
    assert (code, identity[8]) == ("0", SIMULATED | DEBUG)


def test_roots_of_the_rootfs_are_trusted(tmp_path: Path) -> None:
    def fill(tree: Path) -> None:
        (tree / "etc/olos/roots").mkdir(parents=True)
        (tree / "etc/olos/roots/other.pem").write_bytes(root_of(stranger.layout, stranger.home).data)

    layout = make_layout(tmp_path / "a", Spec(app=APP_OF_CALLS, programs={PROGRAM: CALLS}))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    stranger = Place(layout, tmp_path / "one")
    data = stranger.output("report")
    trusting = make_layout(tmp_path / "b", Spec(app=APP_OF_CALLS, programs={PROGRAM: CALLS}, fill=fill))
    assert Place(layout, tmp_path / "two").verify(data, EVIDENCE)[0] == "EKEYREJECTED"
    assert Place(trusting, tmp_path / "two").verify(data, EVIDENCE)[0] == "0"


def test_roots_that_are_none_are_an_error(tmp_path: Path) -> None:
    def fill(tree: Path) -> None:
        (tree / "etc/olos/roots").mkdir(parents=True)
        (tree / "etc/olos/roots/x.pem").write_text("no certificate")

    result = ask(make_layout(tmp_path / "l", Spec(fill=fill)), tmp_path)
    assert (result.returncode, result.stderr) == (
        3,
        b"olos: /etc/olos/roots/x.pem: is no PEM file of certificates\n",
    )


# --- keys -------------------------------------------------------------------------------------------------


def test_sealing_keys(place: Place) -> None:
    code, key = place.lines("key", "1", "0")[0].split()
    assert code == "0"
    assert place.lines("key", "1", "0") == [f"0 {key}"]
    assert place.lines("key", "2", "0") == ["ENOKEY"], "it is not signed"


# --- what goes wrong --------------------------------------------------------------------------------------


def test_sizes(place: Place) -> None:
    lines = place.lines("sizes")
    # More room than there is does no harm.
    assert lines[4:16] == 3 * [
        "certificate-huge 0",
        "data-huge E2BIG",
        "identity-huge E2BIG",
        "roots-huge E2BIG",
    ]
    assert lines[:4] == ["size-0 EINVAL", "size-less EINVAL", "size-more E2BIG", "size-2^63 E2BIG"]
    assert lines[16:] == [
        "certificate-small ERANGE", "enough 16384 512", "nothing-written 0",
        "evidence-small ERANGE", "enough 8192",
    ]  # fmt: skip


def test_pointers(place: Place) -> None:
    *lines, untouched = place.lines("pointers")
    assert untouched == "untouched 0"
    # As the structure, a key's buffer, report data (which may be read-only), room for a sealing key.
    assert {line.split()[0]: line.split()[1:] for line in lines} == {
        name: ["EFAULT", "EFAULT", "EFAULT", "EFAULT"]
        for name in ("null", "top", "non-canonical", "kernel", "no-access", "partly")
    } | {"read-only": ["EFAULT", "EFAULT", "0", "EFAULT"]}


def test_values(place: Place) -> None:
    expected = dict.fromkeys(
        (
            "curve",
            "flags",
            "overlap",
            "overlap-arguments",
            "reserved",
            "key-policy",
            "key-svn",
            "what",
            "verify-flags",
        ),
        "EINVAL",
    ) | {
        "empty": "EBADMSG",
        "roots-no-certificates": "EBADMSG",
        "number-before": "ENOSYS",
        "number-behind": "ENOSYS",
    }
    assert dict(line.split() for line in place.lines("values")) == expected


def test_callers_of_all_kinds(place: Place) -> None:
    kinds = ("child", "vfork", "exec", "chroot", "user", "threads")
    assert place.lines("kinds") == [f"{kind} 0" for kind in kinds]


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        ("hundred", ["hundred 0"]),
        ("killed", ["after-kills 0"]),
        ("executed", ["exec-meanwhile 0"]),
        ("garbage", ["garbage 0", "after-garbage 0"]),
        ("signals", ["restarting done 1 others 0", "interrupting done 1 others 0"]),
    ],
)
def test_crowds_and_interruptions(place: Place, what: str, lines: list[str]) -> None:
    assert place.lines(what) == lines


def test_without_a_root_key_there_is_an_errno_and_a_line(place: Place, tmp_path: Path) -> None:
    result = ask(place.layout, place.home, "one", env={"OLOS_SIM_ROOT": str(tmp_path / "missing")})
    assert (result.returncode, result.stdout) == (0, b"one ENOKEY\n")
    assert str(tmp_path / "missing") in result.stderr.decode()


def test_who_asks_nothing_makes_no_key(place: Place, tmp_path: Path) -> None:
    ask(with_app(place.layout, tmp_path / "l", replace(APP, args=("/bin/true",))), tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_outside_there_is_no_tee(tmp_path: Path) -> None:
    source = tmp_path / "calls"
    add_dynamic(tmp_path, CALLS, "calls")
    result = subprocess.run([source, "one"], capture_output=True, text=True, check=True)
    assert result.stdout == "one ENOSYS\n"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"env": ("OLOS_TARGET=sgx",)}, b"app.env: OLOS_TARGET"),
        ({"host": ("OLOS_X",)}, b"policy.host_env: OLOS_X"),
    ],
    ids=["app", "host"],
)
def test_names_of_the_runtime_cannot_be_set(
    place: Place, tmp_path: Path, change: dict[str, tuple[str, ...]], what: bytes
) -> None:
    app = replace(APP, env=change.get("env", APP.env))
    policy = replace(POLICY, host_env=change.get("host", ()))
    result = ask(with_app(place.layout, tmp_path / "l", app, policy), place.home)
    assert (result.returncode, what in result.stderr) == (2, True)
