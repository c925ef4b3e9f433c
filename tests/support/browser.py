"""A real browser without a window, on pages from a server on loopback, and what it asked that server."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CONSOLE = re.compile(r'CONSOLE[:(].*?"(.*?)", source')


@dataclass(frozen=True)
class Visit:
    """The page after its scripts ran, what stands in the console, and the paths that were asked for."""

    dom: str
    console: list[str]
    asked: list[str]


class _Server(ThreadingHTTPServer):
    page = b""
    asked: list[str]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.asked.append(self.path)
        found = self.path == "/page"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if found:
            self.wfile.write(self.server.page)

    def log_message(self, *args: object) -> None:
        """Nothing: tests read what was asked."""


@contextmanager
def _served(page: str) -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.page, server.asked = page.encode(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def visit(page: str, *options: str, width: int = 1000) -> Visit:
    """Open a page. In it, HERE stands for the address of the server."""
    with _served(page) as server, tempfile.TemporaryDirectory(prefix="olos-browser-") as home:
        here = f"http://127.0.0.1:{server.server_port}"
        server.page = page.replace("HERE", here).encode()
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--disable-background-networking", "--no-first-run", "--hide-scrollbars"]
        command += ["--enable-logging=stderr", f"--user-data-dir={home}", f"--window-size={width},1000"]
        command += [*options, "--dump-dom", f"{here}/page"]
        result = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"},
        )
        return Visit(result.stdout, _CONSOLE.findall(result.stderr), server.asked)
