"""Attested TLS between programs: the server of an example, and clients that lie to it."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from OpenSSL import crypto

from measure.evidence.tls.peer import Credentials, Peer
from measure.evidence.tls.server import AttestedConnection, AttestedHTTPServer, Listener
from support.certificates import Terms, issue, tlv
from support.olos import PACKAGES

EXTENSION = "2.23.133.5.4.9"
_P256 = bytes.fromhex("06082a8648ce3d030107")

Pems = tuple[bytes, bytes]
"""A certificate and a key."""


@dataclass(frozen=True)
class Server:
    """A server that runs, and the file of its log."""

    port: int
    log: Path


def await_line(log: Path, pattern: str, seconds: float = 20) -> re.Match[str]:
    """Wait until a log has a line like this."""
    end = time.monotonic() + seconds
    while not (found := re.search(pattern, log.read_text())):
        assert time.monotonic() < end, f"{pattern!r} is not in the log:\n{log.read_text()}"
        time.sleep(0.05)
    return found


@contextmanager
def serving(script: Path, args: Sequence[str | Path], log: Path, *, clock: str = "") -> Iterator[Server]:
    """A program in Python whose log says `listening on port N`. `clock`: its time in UTC, for faketime(1)."""
    environment = {**os.environ, "PYTHONPATH": PACKAGES, "PYTHONSAFEPATH": "1", "TZ": "UTC"}
    before = ["faketime", "-f", f"@{clock}"] if clock else []
    with (
        log.open("ab") as stream,
        subprocess.Popen(
            [*before, sys.executable, script, *args], stderr=stream, env=environment, start_new_session=True
        ) as process,
    ):
        try:
            yield Server(int(await_line(log, r"listening on port (\d+)\n")[1]), log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # faketime(1) waits for what it has started


@contextmanager
def catching(peer: Peer, credentials: Credentials, answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Another server, which keeps the certificates (PEM) of its clients. Yields its port and what it has."""
    caught: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        connection: AttestedConnection

        def do_GET(self) -> None:
            shown = self.connection.connection.get_peer_certificate()
            assert shown
            caught.append(crypto.dump_certificate(crypto.FILETYPE_PEM, shown))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    with AttestedHTTPServer(("127.0.0.1", 0), Handler, Listener(peer, credentials)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], caught
        finally:
            server.shutdown()


def forged_key(certificate: bytes) -> bytes:
    """What a liar takes for the key of a certificate (PEM): its public key, and another private one.

    OpenSSL compares the public keys alone, so it believes that they are a pair, and signs the handshake.
    """
    public = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    private = tlv(4, b"\7".rjust(32, b"\0"))
    key = tlv(0x30, b"\2\1\1" + private + tlv(0xA0, _P256) + tlv(0xA1, tlv(3, b"\0" + point)))
    return ssl.DER_cert_to_PEM_cert(key).replace("CERTIFICATE", "EC PRIVATE KEY").encode()


def with_own_key(certificate: bytes) -> Pems:
    """A new certificate for a new key, with the evidence out of another certificate (PEM)."""
    old = x509.load_pem_x509_certificate(certificate)
    (evidence,) = (e.value.public_bytes() for e in old.extensions if e.oid.dotted_string == EXTENSION)
    terms = Terms(
        start=old.not_valid_before_utc,
        end=old.not_valid_after_utc,
        ca=False,
        key_usage=False,
        extensions={EXTENSION: evidence},
        digest=hashes.SHA256(),
    )
    key = ec.generate_private_key(ec.SECP256R1())
    return issue("app", key, None, terms).pem, private_pem(key)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as it stands in a file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ask(server: Server, credentials: Pems | None, folder: Path) -> bytes:
    """What a client gets that shows this certificate. Raises OSError if it is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if credentials:
        both = folder / "both.pem"
        both.write_bytes(b"".join(credentials))
        context.load_cert_chain(both)
    connection = HTTPSConnection("127.0.0.1", server.port, timeout=20, context=context)
    try:
        connection.request("GET", "/secret")
        return connection.getresponse().read()
    finally:
        connection.close()
