"""A key-release server: it gives a secret to the app that it knows, and to nobody else.

    python3 server.py --measurement HEX --signer HEX --root root.pem --secret FILE

Clients show an attested certificate in the TLS handshake. Who proves something else, or nothing, is refused there;
the log on standard error says why.
"""

import argparse
import logging
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from measure.evidence.demands import Demands
from measure.evidence.model import File
from measure.evidence.tls.peer import Credentials, Peer
from measure.evidence.tls.server import AttestedConnection, AttestedHTTPServer, Listener

HERE = Path(__file__).parent
LOG = logging.getLogger("key-release")


class Server(AttestedHTTPServer):
    """Has the secret."""

    secret: bytes


class Handler(BaseHTTPRequestHandler):
    """Answers those who have proven what they are."""

    server: Server
    connection: AttestedConnection

    def do_GET(self) -> None:
        """The secret, whatever was asked for by the right path."""
        if self.path != "/secret":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.secret)))
        self.end_headers()
        self.wfile.write(self.server.secret)
        LOG.info("given to %s", self.connection.identity.measurement.data.hex())

    def log_message(self, format: str, *args: object) -> None:
        """The paths of requests are of no interest."""


def options() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measurement", type=bytes.fromhex, required=True)
    parser.add_argument("--signer", type=bytes.fromhex, required=True)
    parser.add_argument("--root", type=Path, required=True, help="of the simulated TEE (--olos-sim-root)")
    parser.add_argument("--secret", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8443)
    return parser.parse_args()


def main() -> None:
    """Serve until interrupted."""
    given = options()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    demands = Demands(measurement=given.measurement, signer=given.signer, allow_simulated=True)
    peer = Peer(demands=demands, roots=(File(str(given.root), given.root.read_bytes()),))
    own = Credentials(HERE / "server/cert.pem", HERE / "server/key.pem")
    with Server(("127.0.0.1", given.port), Handler, Listener(peer, own)) as server:
        server.secret = given.secret.read_bytes()
        LOG.info("listening on port %s", server.server_address[1])
        server.serve_forever()


if __name__ == "__main__":
    main()
