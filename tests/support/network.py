"""Apps with a network, as their clients and servers on this machine see them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from support.runtime import POLICY

SERVES = replace(POLICY, ports=("53/udp", "80/tcp", "81/tcp", "82/tcp"), memory=256 << 20)
WEB = "mkdir /tmp/w; echo hello > /tmp/w/index.html; httpd -p 80 -h /tmp/w; echo ready; sleep 100"
"""A server on port 80."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def web_server(body: bytes) -> Iterator[int]:
    """A web server on 127.0.0.1 with one answer. Yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def name_server(address: str, answer: str) -> Iterator[None]:
    """A name server on port 53 that knows one answer to every question (RFC 1035 section 4)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        thread = Thread(target=_answer_names, args=(server, socket.inet_aton(answer)))
        thread.start()
        try:
            yield
        finally:
            server.sendto(b"", (address, 53))  # the word to end
            thread.join()


def _answer_names(server: socket.socket, answer: bytes) -> None:
    while True:
        query, client = server.recvfrom(1500)
        if not query:
            return
        end = query.index(b"\0", 12) + 5  # the question: name, type, class
        is_address = query[end - 4 : end - 2] == b"\0\1"
        counts = b"\0\1\0\1\0\0\0\0" if is_address else b"\0\1\0\0\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + answer if is_address else b""
        server.sendto(query[:2] + b"\x81\x80" + counts + query[12:end] + record, client)
