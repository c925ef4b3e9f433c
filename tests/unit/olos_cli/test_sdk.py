"""`olos sdk`: what it writes can be linked and imported wherever it lies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from olos import binaries
from olos_cli import sdk
from support.cli import Call

SOURCE = """
#include <olos/olos.h>
int main(void) { return olos_tee_kind() == OLOS_TEE_NONE ? 42 : 1; }
"""


@pytest.fixture
def moved(call: Call, tmp_path: Path) -> Path:
    """The directory, at another place than it was written to."""
    outcome = call("sdk", tmp_path / "first")
    assert (outcome.out, outcome.stderr) == (b"", "")
    return (tmp_path / "first").rename(tmp_path / "sdk")


def flags(folder: Path, *args: str) -> list[str]:
    return subprocess.run(
        ["pkg-config", *args, "--cflags", "--libs", "olos"],
        env=os.environ | {"PKG_CONFIG_PATH": str(folder / "lib/pkgconfig")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


@pytest.mark.parametrize("compiler", ["gcc", "musl-gcc"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "shared"])
def test_pkg_config_links_it(moved: Path, tmp_path: Path, compiler: str, static: bool) -> None:
    (tmp_path / "app.c").write_text(SOURCE)
    how = ["-static"] if static else [f"-Wl,-rpath,{moved}/lib"]
    words = flags(moved, *(["--static"] if static else []))
    subprocess.run([compiler, tmp_path / "app.c", "-o", tmp_path / "app", *how, *words], check=True)
    assert subprocess.run([tmp_path / "app"], check=False).returncode == 42


def test_python_finds_the_library_beside_it(moved: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import olos_tee; print(olos_tee.kind())"],
        env={"PYTHONPATH": str(moved / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("0\n", "")


def test_files_modes_and_bytes(call: Call, moved: Path, tmp_path: Path) -> None:
    files = {str(path.relative_to(moved)) for path in moved.rglob("*") if not path.is_dir()}
    assert files == {*sdk.FILES, *sdk.LINKS}
    before = os.umask(0o077)
    try:
        call("sdk", tmp_path / "again")
    finally:
        os.umask(before)
    for path in moved.rglob("*"):
        again = tmp_path / "again" / path.relative_to(moved)
        assert again.lstat().st_mode == path.lstat().st_mode
        assert path.is_dir() or again.read_bytes() == path.read_bytes()
        assert path.is_symlink() or path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_nothing_is_overwritten(call: Call, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    outcome = call("sdk", tmp_path / "full", expect=3)
    assert "is not empty" in outcome.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    call("sdk", tmp_path / "empty")


def test_an_installation_without_it(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_SDK", tmp_path / "none")
    assert "libolos: not part of this installation" in call("sdk", tmp_path / "sdk", expect=6).stderr
    assert not (tmp_path / "sdk").exists()
