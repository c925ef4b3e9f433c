"""Attested TLS for requests: `session.mount("https://", AttestedAdapter(peer))`."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from measure.evidence.tls import client
from measure.evidence.tls.peer import Credentials, Peer


class AttestedAdapter(HTTPAdapter):
    """Connections to attested servers; `credentials` are shown to servers that ask for them."""

    def __init__(self, peer: Peer, credentials: Credentials | None = None, **kwargs: Any) -> None:
        self._context = client.context(peer, credentials)
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See HTTPAdapter. No proxy has a pool of this context, so proxies are refused."""
        super().init_poolmanager(*args, ssl_context=self._context, assert_hostname=False, **kwargs)

    def proxy_manager_for(self, proxy: str, **_: Any) -> Any:
        """Raises InvalidURL: what a proxy does with a connection is not attested."""
        raise requests.exceptions.InvalidURL(f"attested connections go through no proxy: {proxy}")

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leaves the verification to the context, whatever `verify` says."""
