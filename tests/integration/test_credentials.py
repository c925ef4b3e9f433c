"""policy.credentials = "pem": certificate, key and evidence as files, made new at each start."""

import io
import os
import ssl
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from olos.manifest import Mount, User
from support.runtime import APP, POLICY, Spec, make_layout, run, shell, with_app
from support.tee_apps import ask, root_of, verified

PEM = replace(POLICY, credentials="pem")
ARCHIVE = shell("tar -C /run/olos -cf - .")
NAMES = ("cert.pem", "evidence.cbor", "key.pem", "tee.json")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def fill(tree: Path) -> None:
        (tree / "run/olos").mkdir()
        (tree / "run/olos/tee.json").write_text("a lie")
        (tree / "run/olos/key.pem").write_text("a lie")

    return make_layout(
        tmp_path_factory.mktemp("credentials") / "layout", Spec(app=ARCHIVE, policy=PEM, fill=fill)
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def files(layout: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one start had in /run/olos."""
    folder = tmp_path_factory.mktemp("files")
    with tarfile.open(fileobj=io.BytesIO(ask(layout, home).stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_the_certificate_is_that_of_the_key_and_of_the_evidence(
    layout: Path, home: Path, files: Path
) -> None:
    assert sorted(path.name for path in files.iterdir()) == sorted(NAMES)
    pem, evidence = (files / "cert.pem").read_bytes(), (files / "evidence.cbor").read_bytes()
    root = root_of(layout, home)
    proven = verified(pem, root, layout)
    assert proven.key is not None
    key = serialization.load_pem_private_key((files / "key.pem").read_bytes(), None)
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    assert (
        verified(evidence, root, layout, digest.finalize().ljust(64, b"\0")).report_data == proven.report_data
    )
    assert evidence in x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def test_each_start_has_its_own(layout: Path, home: Path, tmp_path: Path) -> None:
    app = with_app(layout, tmp_path / "l", shell("cat /run/olos/key.pem"), PEM)
    keys = {ask(app, home).stdout for _ in range(2)}
    assert len(keys) == 2
    assert all(key.startswith(b"-----BEGIN PRIVATE KEY-----\n") for key in keys)


def test_python_serves_with_them(files: Path) -> None:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(files / "cert.pem", files / "key.pem")
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(there, back, server_side=True), client.wrap_bio(back, there)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ends[1].getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert((files / "cert.pem").read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        ("pkey", "-in", "key.pem", "-check", "-noout"),
        ("verify", "-CAfile", "cert.pem", "-purpose", "sslserver", "-verify_hostname", "box", "cert.pem"),
        ("verify", "-CAfile", "cert.pem", "-x509_strict", "-purpose", "sslclient", "cert.pem"),
    ],
    ids=["key", "server", "client"],
)
def test_openssl_takes_them(files: Path, arguments: tuple[str, ...]) -> None:
    subprocess.run(["openssl", *arguments], cwd=files, check=True, capture_output=True)


def test_only_the_app_reads_the_key_and_nobody_writes(layout: Path, home: Path, tmp_path: Path) -> None:
    user = replace(shell(SCRIPT), user=User(1000, 1001))
    lines = ask(with_app(layout, tmp_path / "l", user, PEM), home).stdout.decode().splitlines()
    assert lines == [
        "755 0:0 .", "644 0:0 cert.pem", "644 0:0 evidence.cbor", "600 1000:1001 key.pem", "644 0:0 tee.json",
        "yes", "no",
    ]  # fmt: skip


def test_not_even_root_writes(layout: Path, home: Path, tmp_path: Path) -> None:
    script = (
        "cd /run/olos; chmod 644 key.pem; echo x >tee.json; rm cert.pem; mount -o remount,rw .; umount .; ls"
    )
    result = ask(with_app(layout, tmp_path / "l", shell(script), PEM), home)
    assert result.stdout.decode().split() == sorted(NAMES)
    assert result.stderr.count(b"Read-only file system") == 3


SCRIPT = """cd /run/olos && stat -c '%a %u:%g %n' . *
test -r key.pem && echo yes; (: >>key.pem) 2>/dev/null || echo no"""


def test_without_the_policy_there_are_none(layout: Path, home: Path, tmp_path: Path) -> None:
    result = ask(with_app(layout, tmp_path / "l", shell("ls /run/olos")), home)
    assert result.stdout == b"tee.json\n"


def test_if_none_can_be_made_the_app_does_not_start(layout: Path, tmp_path: Path) -> None:
    result = ask(layout, tmp_path, env={"OLOS_SIM_ROOT": str(tmp_path / "missing")})
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"olos: policy.credentials: none can be made: " in result.stderr


@pytest.mark.parametrize("target", ["/run/olos", "/run/olos/x"])
def test_mounts_do_not_cover_them(layout: Path, tmp_path: Path, target: str) -> None:
    policy = replace(PEM, mounts=(Mount(target, "tmpfs", False, 0),))
    result = run(with_app(layout, tmp_path / "l", APP, policy))
    assert (result.returncode, f"{target}: cannot be covered" in result.stderr.decode()) == (2, True)


@pytest.mark.parametrize("place", ["file", "link", "mount"])
def test_whatever_stands_in_their_place(tmp_path: Path, place: str) -> None:
    def fill(tree: Path) -> None:
        if place == "file":
            (tree / "run/olos").write_text("")
        if place == "link":
            (tree / "run/olos").symlink_to("/tmp")

    mounts = (Mount("/run", "tmpfs", False, 0),) if place == "mount" else ()
    spec = Spec(app=shell("ls /run/olos /tmp"), policy=replace(POLICY, mounts=mounts), fill=fill)
    assert ask(make_layout(tmp_path / "l", spec), tmp_path).stdout == b"/run/olos:\ntee.json\n\n/tmp:\n"


JAVA = r"""
import java.io.FileInputStream;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
class Read {
    public static void main(String[] args) throws Exception {
        String text = Files.readString(Path.of("key.pem")).replaceAll("-----[A-Z ]+-----|\\s", "");
        PrivateKey key = KeyFactory.getInstance("EC")
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new FileInputStream("cert.pem"));
        certificate.checkValidity();
        certificate.verify(certificate.getPublicKey());
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(key);
        signature.update(new byte[9]);
        byte[] bytes = signature.sign();
        signature.initVerify(certificate);
        signature.update(new byte[9]);
        System.out.println(certificate.getSubjectX500Principal() + " " + signature.verify(bytes));
    }
}
"""
GO = r"""
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

func main() {
	pair, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		panic(err)
	}
	if err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate,
		certificate.Signature); err != nil {
		panic(err)
	}
	fmt.Println(certificate.Subject, certificate.VerifyHostname("box") == nil)
}
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "source", "command"),
    [("Read.java", JAVA, ["java"]), ("read.go", GO, ["go", "run"])],
    ids=["OpenJDK", "Go"],
)
def test_other_languages_read_them(
    files: Path, tmp_path: Path, name: str, source: str, command: list[str]
) -> None:
    (tmp_path / name).write_text(source)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GOCACHE": str(tmp_path / "cache"),
        "GO111MODULE": "off",
    }
    result = subprocess.run(
        [*command, tmp_path / name], cwd=files, env=env, capture_output=True, text=True, check=True
    )
    assert result.stdout == "CN=box true\n"
