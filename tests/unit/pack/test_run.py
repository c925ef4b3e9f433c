"""Running: which program is started, with what, and what is said when it cannot be."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.layout import Layout
from olos.package import open_any
from pack.run import command, run
from support.layouts import make_layout
from support.packages import make_package, pack

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path / "lay out")


@pytest.mark.parametrize(
    ("args", "passed"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["a", "", "b c"], ["a", "", "b c"], id="blank and empty"),
        pytest.param(["--", "--help"], ["--", "--help"], id="options of the app"),
        pytest.param(["--olos-measure"], ["--olos--", "--olos-measure"], id="looks like ours"),
        pytest.param(["--olos--"], ["--olos--", "--olos--"], id="our separator"),
        pytest.param(["x", "--olos-help"], ["x", "--olos-help"], id="ours behind an argument"),
    ],
)
def test_command(tmp_path: Path, layout: Layout, args: list[str], passed: list[str]) -> None:
    folder = tmp_path / "lay out"
    assert command(layout, args) == (f"{folder}/target/linux", f"--olos-layout={folder}", *passed)
    package = pack(layout, tmp_path / "app.olos")
    assert command(open_any(package), args) == (str(package), *passed)


def test_options_come_before_what_the_app_gets(tmp_path: Path, layout: Layout) -> None:
    package = pack(layout, tmp_path / "app.olos")
    options = ["--olos-mount", "/data=x"]
    assert command(open_any(package), ["a"], options) == (str(package), *options, "a")
    assert command(open_any(package), ["--olos-mount"], options)[1:] == (*options, "--olos--", "--olos-mount")


def test_relative_paths_become_absolute(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(layout, tmp_path / "app.olos")
    monkeypatch.chdir(tmp_path)
    assert command(open_any(Path("app.olos")), []) == (f"{tmp_path}/app.olos",)
    assert command(open_any(Path("lay out")), [])[0] == f"{tmp_path}/lay out/target/linux"


RUN = """
import sys
from pathlib import Path
from olos.package import open_any
from pack.run import run
print("before")
run(open_any(Path(sys.argv[1])), sys.argv[2:])
"""


def start(layout: Path, *args: str) -> subprocess.CompletedProcess[str]:
    line: list[str | Path] = [sys.executable, "-c", RUN, layout, *args]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_process_becomes_the_target(tmp_path: Path, layout: Layout) -> None:
    folder = tmp_path / "lay out"
    result = start(folder, "a b", "")
    assert result.stdout == f"before\n{folder}/target/linux --olos-layout={folder} a b \n"


@pytest.mark.parametrize("script", ["exit 7", "kill -TERM $$", "kill -PIPE $$"])
def test_its_end_is_ours(tmp_path: Path, layout: Layout, script: str) -> None:
    """Also by SIGPIPE, which Python ignores."""
    target = tmp_path / "lay out/target/linux"
    target.write_text(f"#!/bin/sh\n{script}\n")
    expected = {"exit 7": 7, "kill -TERM $$": -signal.SIGTERM, "kill -PIPE $$": -signal.SIGPIPE}
    assert start(tmp_path / "lay out").returncode == expected[script]


def test_a_missing_target_is_named(tmp_path: Path, layout: Layout) -> None:
    (tmp_path / "lay out/target/linux").unlink()
    with pytest.raises(InputError, match="lay out: target/linux is missing"):
        run(open_any(tmp_path / "lay out"), [])


def not_executable(path: Path) -> None:
    path.chmod(0o644)


def vanished(path: Path) -> None:
    path.unlink()


def no_program(path: Path) -> None:
    path.write_bytes(b"\x7fELF, but not for this machine")


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (not_executable, "cannot be started: Permission denied", "chmod"),
        (vanished, "cannot be started: No such file", None),
        (no_program, "cannot be started: Exec format error", "x86-64"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["directory", "package"])
def test_what_cannot_be_started(
    tmp_path: Path, spoil: Callable[[Path], None], message: str, hint: str | None, packed: bool
) -> None:
    package = make_package(tmp_path)
    layout = open_any(package if packed else tmp_path / "layout")
    spoil(package if packed else tmp_path / "layout/target/linux")
    before = signal.getsignal(signal.SIGPIPE)
    with pytest.raises(InputError, match=message) as caught:
        run(layout, [])
    assert (hint or "") in (caught.value.hint or "")
    assert signal.getsignal(signal.SIGPIPE) == before


def test_too_many_arguments(layout: Layout) -> None:
    with pytest.raises(InputError, match="Argument list too long") as caught:
        run(layout, ["x" * os.sysconf("SC_ARG_MAX")])
    assert caught.value.hint
