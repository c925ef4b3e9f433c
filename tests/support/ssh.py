"""An ssh agent without keys, and a server on loopback."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def agent() -> Iterator[Path]:
    """Gives its socket."""
    with tempfile.TemporaryDirectory(prefix="olos-ssh-", dir="/tmp") as folder:
        socket = Path(folder) / "agent"
        command: list[str | Path] = ["ssh-agent", "-D", "-a", socket]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield socket
            finally:
                process.terminate()


@contextmanager
def server() -> Iterator[list[str | Path]]:
    """A server that lets its maker in. Gives the command line of a client, but for what to run there."""
    with tempfile.TemporaryDirectory(prefix="olos-sshd-", dir="/tmp") as name:
        folder = Path(name)
        for key in ("host", "own"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/own.pub\n"
            "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
        )
        separation = Path("/run/sshd")  # sshd wants it
        made = not separation.exists()
        separation.mkdir(mode=0o755, exist_ok=True)
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"  # it wants its whole name
        with subprocess.Popen(
            [sshd, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL
        ) as process:
            try:
                _wait(port)
                options = [f"-oPort={port}", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
                yield ["ssh", "-q", "-F", "none", "-i", folder / "own", *options, "root@127.0.0.1"]
            finally:
                process.terminate()
                process.wait(10)
                if made:
                    separation.rmdir()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
