"""The side that connects: a context of the standard library's `ssl` that verifies attested servers.

context = client.context(Peer(demands=Demands(measurement=…), roots=…))
http.client.HTTPSConnection("host", 443, context=context)
httpx.Client(verify=context)
"""

from __future__ import annotations

import ssl
from typing import Any

from measure.evidence.model import Identity
from measure.evidence.tls.peer import Credentials, Peer


class AttestedSocket(ssl.SSLSocket):
    """A connection whose peer has been verified when the handshake is over."""

    identity: Identity

    def do_handshake(self, block: bool = False) -> None:
        """Raises AttestationError if the peer does not prove what the context demands."""
        super().do_handshake(block)
        self.identity = _verify(self)


class AttestedObject(ssl.SSLObject):
    """The same for those who move the bytes themselves, such as asyncio."""

    identity: Identity

    def do_handshake(self) -> None:
        """Raises AttestationError if the peer does not prove what the context demands."""
        super().do_handshake()
        self.identity = _verify(self)


class AttestedContext(ssl.SSLContext):
    """A context that demands of every peer what `peer` says, and nothing else.

    Names and authorities are not verified, whoever asks for it: libraries do so of their own accord, and no
    attested certificate would pass. To who asks, a certificate is required, as it is: by `peer`.
    """

    sslsocket_class = AttestedSocket
    sslobject_class = AttestedObject
    peer: Peer

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("verify_mode", "check_hostname"):
            super().__setattr__(name, value)

    def __getattribute__(self, name: str) -> Any:
        return ssl.CERT_REQUIRED if name == "verify_mode" else super().__getattribute__(name)


def context(peer: Peer, credentials: Credentials | None = None) -> AttestedContext:
    """A context for connections to attested servers; `credentials` are shown to servers that ask for them."""
    made = AttestedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.peer = peer
    for name, off in (("check_hostname", False), ("verify_mode", ssl.CERT_NONE)):
        super(AttestedContext, made).__setattr__(name, off)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    if credentials:
        made.load_cert_chain(credentials.certificate, credentials.key)
    return made


def _verify(connection: AttestedSocket | AttestedObject) -> Identity:
    used = connection.context
    if not isinstance(used, AttestedContext):
        raise TypeError("the connection was given another context")
    return used.peer.identify(connection.getpeercert(binary_form=True))
