"""A threaded HTTP server, and 16 clients of it that ask 200 times."""

import http.server
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.path.encode() * 100
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
    threading.Thread(target=server.serve_forever).start()
    base = f"http://localhost:{server.server_port}"
    with ThreadPoolExecutor(16) as clients:
        bodies = list(clients.map(fetch, [f"{base}/{number}" for number in range(200)]))
    server.shutdown()
assert bodies == [f"/{number}".encode() * 100 for number in range(200)]
print(len(bodies), "answers")
