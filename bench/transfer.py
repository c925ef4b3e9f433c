"""Time 256 MiB over TCP between this machine and a server: transfer.py give|take PORT COMMAND..., a program.

The command starts `costs give` or `costs take`, whose port is published as PORT, and prints `ready`. The last
line printed is the seconds from the connection to the last byte.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

SIZE = 256 << 20
_CHUNK = bytes(1 << 20)


def _give(connection: socket.socket) -> None:
    """The server gives."""
    left = SIZE
    while left and (data := connection.recv(len(_CHUNK))):
        left -= len(data)
    assert not left, f"{left} bytes are missing"


def _take(connection: socket.socket) -> None:
    """The server takes, and says when it has all."""
    for _ in range(SIZE // len(_CHUNK)):
        connection.sendall(_CHUNK)
    assert connection.recv(1) == b"."


def main(work: str, port: int, command: list[str]) -> None:
    """Start the server, move the bytes, print the time, end the server."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            begin = time.perf_counter()
            {"give": _give, "take": _take}[work](connection)
            print(time.perf_counter() - begin)
        server.kill()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
