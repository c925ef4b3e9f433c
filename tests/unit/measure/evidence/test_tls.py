"""Attested TLS with the clients that people use, both ways, over real sockets."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from measure.evidence.demands import Demands
from measure.evidence.tls import client
from measure.evidence.tls.adapter import AttestedAdapter
from measure.evidence.tls.peer import AttestationError, Credentials, Peer
from measure.evidence.tls.server import AttestedConnection, AttestedHTTPServer, Listener
from support.certificates import TIME, Party, ec_key
from support.evidence_simulated import SIMULATED_MEASUREMENT, simulated_world

WORLD = simulated_world()
SERVER_KEY, CLIENT_KEY = ec_key("tls server", ec.SECP256R1), ec_key("tls client")
CLIENT_MEASUREMENT = bytes(range(32, 64))
OTHER = bytes(32)
REFUSALS: list[str] = []

Get = Callable[[int, Peer, Credentials | None], str]


def peer(measurement: bytes, **demands: Any) -> Peer:
    return Peer(
        demands=Demands(measurement=measurement, allow_simulated=True, **demands),
        roots=WORLD.roots,
        clock=lambda: TIME,
    )


def credentials(folder: Path, party: Party, key: ec.EllipticCurvePrivateKey | None = None) -> Credentials:
    folder.mkdir(exist_ok=True)
    (folder / "cert.pem").write_bytes(party.pem)
    assert isinstance(party.key, ec.EllipticCurvePrivateKey)
    pem = (key or party.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return Credentials(folder / "cert.pem", folder / "key.pem")


class Handler(BaseHTTPRequestHandler):
    """Says who the client is."""

    connection: AttestedConnection

    def do_GET(self) -> None:
        body = self.connection.identity.measurement.data.hex().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


class Server(AttestedHTTPServer):
    def refused(self, client_address: Any, reason: OSError) -> None:
        REFUSALS.append(str(reason))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that takes clients of CLIENT_MEASUREMENT."""
    own = credentials(tmp_path_factory.mktemp("server"), WORLD.attested(SERVER_KEY))
    with Server(("127.0.0.1", 0), Handler, Listener(peer(CLIENT_MEASUREMENT), own)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_refusals() -> None:
    REFUSALS.clear()


@pytest.fixture
def own(tmp_path: Path) -> Credentials:
    return credentials(tmp_path, WORLD.attested(CLIENT_KEY, {-70002: CLIENT_MEASUREMENT}))


def with_http_client(port: int, demanded: Peer, own: Credentials | None) -> str:
    context = client.context(demanded, own)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().read().decode()


def with_requests(port: int, demanded: Peer, own: Credentials | None) -> str:
    with requests.Session() as session:
        session.mount("https://", AttestedAdapter(demanded, own))
        return session.get(f"https://127.0.0.1:{port}/", timeout=10).text


def with_httpx(port: int, demanded: Peer, own: Credentials | None) -> str:
    with httpx.Client(verify=client.context(demanded, own), trust_env=False) as session:
        return session.get(f"https://127.0.0.1:{port}/").text


def assert_refused(reason: str) -> None:
    """The thread of the connection says why soon after the client has noticed."""
    deadline = time.monotonic() + 10
    while not any(reason in said for said in REFUSALS) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert any(reason in said for said in REFUSALS), REFUSALS


CLIENTS = pytest.mark.parametrize("get", [with_http_client, with_requests, with_httpx])


@CLIENTS
def test_both_sides_are_verified(port: int, own: Credentials, get: Get) -> None:
    assert get(port, peer(SIMULATED_MEASUREMENT), own) == CLIENT_MEASUREMENT.hex()
    assert REFUSALS == []


@CLIENTS
def test_another_server_gets_nothing(port: int, own: Credentials, get: Get) -> None:
    with pytest.raises(Exception, match="check 'measurement'"):
        get(port, peer(OTHER), own)


@CLIENTS
def test_a_client_without_a_certificate_gets_nothing(port: int, get: Get) -> None:
    with pytest.raises((OSError, httpx.TransportError)):
        get(port, peer(SIMULATED_MEASUREMENT), None)
    assert_refused("certificate")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({-70002: OTHER}, "check 'measurement'"),
        ({-70002: CLIENT_MEASUREMENT, 263: 0}, "check 'debug'"),
        ({-70002: CLIENT_MEASUREMENT, 10: bytes(64)}, "check 'key'"),
    ],
    ids=["measurement", "debug", "relayed evidence"],
)
def test_another_client_gets_nothing(port: int, tmp_path: Path, changes: dict[int, Any], check: str) -> None:
    own = credentials(tmp_path, WORLD.attested(CLIENT_KEY, changes))
    with pytest.raises(OSError):
        with_http_client(port, peer(SIMULATED_MEASUREMENT), own)
    assert_refused(check)


def test_a_client_with_another_root_gets_nothing(port: int, tmp_path: Path) -> None:
    stranger = simulated_world("stranger").attested(CLIENT_KEY, {-70002: CLIENT_MEASUREMENT})
    with pytest.raises(OSError):
        with_http_client(port, peer(SIMULATED_MEASUREMENT), credentials(tmp_path, stranger))
    assert_refused("check 'root'")


def test_a_certificate_is_of_no_use_without_its_key(port: int, tmp_path: Path) -> None:
    party = WORLD.attested(CLIENT_KEY, {-70002: CLIENT_MEASUREMENT})
    stolen = credentials(tmp_path, party, ec_key("thief"))
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        with_http_client(port, peer(SIMULATED_MEASUREMENT), stolen)


def test_libraries_cannot_change_what_is_verified() -> None:
    context = client.context(peer(OTHER))
    context.check_hostname = True
    context.verify_mode = ssl.CERT_NONE
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_a_proxy_is_refused(own: Credentials) -> None:
    with requests.Session() as session, pytest.raises(requests.exceptions.InvalidURL, match="no proxy"):
        session.mount("https://", AttestedAdapter(peer(OTHER), own))
        session.get("https://127.0.0.1:1/", proxies={"https": "http://127.0.0.1:9"}, timeout=1)


def test_who_does_not_speak_tls_is_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        plain.settimeout(10)
        while plain.recv(100):
            pass
    assert_refused("the handshake has failed")


def test_an_error_is_what_it_says(own: Credentials, port: int) -> None:
    context = client.context(peer(OTHER), own)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with pytest.raises(AttestationError) as caught:
            context.wrap_socket(plain)
        assert str(caught.value).startswith("check 'measurement' (measurement)")
