"""An ssh agent without keys."""

import subprocess
import tempfile
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
