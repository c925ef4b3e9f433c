"""Attested TLS: each side proves by its certificate (`measure.evidence.certificate`) what runs there.

`client` has a context for whatever takes an `ssl.SSLContext` (http.client, httpx, urllib3), `adapter` is for
requests, `server` for sockets that listen. No name and no certificate authority counts, only what the
peer proves. It is verified in the handshake, before any data of the app is sent or taken.
"""
