"""The side that listens: it asks clients for an attested certificate.

The standard library's `ssl` refuses every self-signed certificate of a client before anybody can look into
it. So this side is made of pyOpenSSL, which asks. `AttestedHTTPServer` serves the handlers of `http.server`,
which find what the client has proven in `self.connection.identity`.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler
from typing import Any

from OpenSSL import SSL, crypto
from urllib3.contrib.pyopenssl import WrappedSocket
from urllib3.util import wait_for_read, wait_for_write

from measure.evidence.model import Identity
from measure.evidence.tls.peer import AttestationError, Credentials, Peer

HANDSHAKE_SECONDS = 10.0
LOG = logging.getLogger(__name__)


class AttestedConnection(WrappedSocket):
    """A connection whose client has been verified."""

    identity: Identity


class Listener:
    """Makes attested connections of accepted ones."""

    def __init__(self, peer: Peer, credentials: Credentials) -> None:
        self._peer = peer
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_3_VERSION)
        self._context.set_options(SSL.OP_NO_TICKET)  # a resumed session shows no certificate
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self._context.use_certificate_chain_file(str(credentials.certificate))
        self._context.use_privatekey_file(str(credentials.key))
        self._context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _judge)

    def accept(self, accepted: socket.socket) -> AttestedConnection:
        """Finish the handshake, within HANDSHAKE_SECONDS. Raises AttestationError, TimeoutError, OSError."""
        verdict = _Verdict(self._peer)
        connection = SSL.Connection(self._context, accepted)
        connection.set_app_data(verdict)
        connection.set_accept_state()
        accepted.settimeout(HANDSHAKE_SECONDS)
        try:
            _shake_hands(connection, accepted, time.monotonic() + HANDSHAKE_SECONDS)
        except SSL.Error as exc:
            raise verdict.error or AttestationError(f"the handshake has failed: {exc}") from exc
        if verdict.identity is None:
            raise AttestationError("the client has shown no certificate")
        wrapped = AttestedConnection(connection, accepted)
        wrapped.identity = verdict.identity
        return wrapped


class _Verdict:
    """What the handshake has found of the client."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.identity: Identity | None = None
        self.error: AttestationError | None = None

    def judge(self, certificate: crypto.X509, depth: int) -> bool:
        """Whether the client may go on."""
        if self.identity:  # a check of another kind, of the same certificate
            return True
        if depth:
            self.error = AttestationError("the client has shown more than one certificate")
            return False
        try:
            self.identity = self.peer.identify(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))
        except AttestationError as exc:
            self.error = exc
        return self.error is None


def _judge(connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _ok: int) -> bool:
    verdict = connection.get_app_data()
    return isinstance(verdict, _Verdict) and verdict.judge(certificate, depth)


def _shake_hands(connection: SSL.Connection, accepted: socket.socket, deadline: float) -> None:
    while (seconds := deadline - time.monotonic()) > 0:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            wait_for_read(accepted, seconds)
        except SSL.WantWriteError:
            wait_for_write(accepted, seconds)
        else:
            return
    raise TimeoutError("the client does not finish the handshake")


class AttestedHTTPServer(ThreadingHTTPServer):
    """An HTTP server for attested clients. The handshake is made in the thread of the connection."""

    def __init__(
        self,
        address: tuple[str, int],
        handler: Callable[[Any, Any, Any], BaseRequestHandler],
        listener: Listener,
    ) -> None:
        self._handler = handler  # what `socketserver` keeps itself is declared for its own sockets alone
        self._listener = listener
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """See socketserver. Who proves nothing is told to `refused`, and gets nothing."""
        try:
            connection = self._listener.accept(request)
        except OSError as exc:
            self.refused(client_address, exc)
            return
        with contextlib.suppress(ConnectionError):  # who has gone has gone
            self._handler(connection, client_address, self)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    def refused(self, client_address: Any, reason: OSError) -> None:
        """Says why a connection was not taken. For subclasses to say elsewhere."""
        LOG.warning("%s:%s: refused: %s", client_address[0], client_address[1], reason)
