"""A named pipe into which nobody writes keeps no command waiting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from olos.errors import InputError, MismatchError
from support.olos import PACKAGES

COMMANDS = {
    "attest": ("attest", "verify", "PIPE", "--allow-simulated", "--measurement", 64 * "0"),
    "build": ("build", "PIPE"),
    "config": ("build", "Dockerfile", "--config", "PIPE"),
    "check-proof": ("check-proof", "PIPE", "--measurement", 64 * "0"),
    "inspect": ("inspect", "PIPE"),
    "lint": ("lint", "PIPE"),
    "measure": ("measure", "PIPE"),
    "reference": ("measure", "Dockerfile", "--check", "PIPE"),
    "sgxs": ("measure", "--sgxs", "PIPE"),
    "sign": ("sign", "Dockerfile", "--key", "PIPE"),
    "verify": ("verify", "PIPE"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_pipe_is_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "PIPE")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    result = subprocess.run(
        [sys.executable, "-m", "olos_cli", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": PACKAGES},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode in (2, InputError.exit_code, MismatchError.exit_code), result.stderr
    assert result.stderr.startswith(("error: ", "usage: ", "Usage: ")), result.stderr
    assert "Traceback" not in result.stderr
