"""Programs on a terminal of their own."""

import os
import pty
import select
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl

WAIT = 20.0


@dataclass(frozen=True)
class Session:
    """The host's end of a terminal that a run has, and what runs."""

    master: int
    pid: int

    def read_until(self, wanted: bytes) -> bytes:
        data, end = b"", time.monotonic() + WAIT
        while wanted not in data:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, data
            data += os.read(self.master, 4096)
        return data

    def write(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def on_terminal(command: list[str], columns: int = 100, rows: int = 30) -> Iterator[Session]:
    """Run a program with a terminal of its own."""
    pid, master = pty.fork()
    if pid == 0:
        ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        os.execv(command[0], command)
    try:
        yield Session(master, pid)
    finally:
        os.close(master)
