"""Ctrl-C at any moment: exit 130 in one line, nothing half-written, the old output intact."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from support.keys import KEY
from support.olos import hello_context, olos, start_in_session

SIZE = 96 << 20
DELAYS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with a large file, its layout and its package."""
    folder = tmp_path_factory.mktemp("interrupt")
    dockerfile = hello_context(folder / "context")
    (folder / "context" / "data").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    with dockerfile.open("a") as stream:
        stream.write("COPY data /data\n")
    subprocess.run(
        ["buildah", "build", "-q", "--isolation=chroot", "-t", "olos-interrupt", dockerfile.parent],
        check=True,
    )
    subprocess.run(["buildah", "push", "-q", "olos-interrupt", f"oci-archive:{folder}/image.tar"], check=True)
    subprocess.run(["buildah", "rmi", "olos-interrupt"], check=True)
    olos("build", "--image", f"oci-archive:{folder}/image.tar", "-o", "layout", cwd=folder)
    olos("pack", "layout", "-o", "app.olos", cwd=folder)
    return folder


def snapshot(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(p), p.lstat().st_ino, p.lstat().st_mtime_ns) for p in folder.rglob("*") if p.is_file())


def interrupted(command: list[str | Path], cwd: Path, delay: float, spool: Path) -> int:
    """Start a command, send it SIGINT after `delay` seconds; returns its exit code."""
    process = start_in_session(command, cwd, {"TMPDIR": str(spool)})
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, text = process.communicate(timeout=60)
    if "Traceback" in text and "olos_cli/main.py" not in text:
        return 130  # the interpreter itself, before the program has begun
    assert "Traceback" not in text, text
    assert process.returncode in {0, 130, -signal.SIGINT}, text
    return process.returncode


COMMANDS = {
    "build": ["build", "--image", "oci-archive:image.tar", "-o", "layout"],
    "measure": ["measure", "app.olos"],
    "pack": ["pack", "layout", "-o", "app.olos"],
    "unpack": ["unpack", "app.olos", "unpacked"],
    "verify": ["verify", "app.olos"],
    "sign": ["sign", "app.olos", "--key", str(KEY)],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_olos(folder: Path, name: str) -> None:
    codes = set()
    for delay in DELAYS:
        before = snapshot(folder)
        with tempfile.TemporaryDirectory() as spool:
            command: list[str | Path] = [sys.executable, "-m", "olos_cli", *COMMANDS[name]]
            code = interrupted(command, folder, delay, Path(spool))
            assert not list(Path(spool).iterdir())
        codes.add(code)
        if name == "unpack":
            assert not (folder / "unpacked").exists() or olos("measure", "unpacked", cwd=folder)
        elif code:
            assert {path for path, *_ in snapshot(folder)} == {path for path, *_ in before}
        shutil.rmtree(folder / "unpacked", ignore_errors=True)
    assert codes & {130, -signal.SIGINT}, "too quick to be interrupted"
    for output in ("layout", "app.olos"):
        olos("measure", output, cwd=folder)


def test_the_package_unpacking_itself(folder: Path) -> None:
    before = snapshot(folder)
    codes = set()
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        command: list[str | Path] = [folder / "app.olos", "--olos-unpack", folder / "unpacked"]
        codes.add(interrupted(command, folder, delay, folder))
        if (folder / "unpacked").exists():
            olos("measure", folder / "unpacked")
            shutil.rmtree(folder / "unpacked")
        assert snapshot(folder) == before
    assert codes - {0}
