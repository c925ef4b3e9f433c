"""A Docker Engine of the tests' own: nothing of the machine's is used or changed."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_engine(driver: str = "vfs") -> Iterator[str]:
    """Start dockerd on a socket of its own. Gives the value for DOCKER_HOST; stops it in the end.

    The storage driver `vfs` works everywhere, even on top of an overlay; `overlay2` is quicker.
    """
    # A short path: the address of a socket has room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="olos-engine-", dir="/tmp"))
    socket, log = folder / "docker.sock", folder / "log"
    command: list[str | Path] = ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec"]
    command += ["-H", f"unix://{socket}", "--pidfile", folder / "pid", "--storage-driver", driver]
    command += ["--iptables=false", "--bridge=none"]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
    try:
        _wait(process, socket, log)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        subprocess.run(["umount", "-R", "-q", folder / "exec" / "netns" / "default"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    probe: list[str | Path] = ["curl", "-fs", "--unix-socket", socket, "http://engine/_ping"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"dockerd does not answer:\n{log.read_text()[-4000:]}")
