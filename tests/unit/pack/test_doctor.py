import re
import subprocess
from pathlib import Path

import pytest

from olos.binaries import TARGET, binary
from olos.errors import InputError
from olos.finding import Finding
from olos.package import open_any
from pack.doctor import examine, read
from support.layouts import make_layout
from support.packages import make_package

TEXT = """\
ok       /proc: mounted
limited  room: 100 MiB allowed to this container; the app may use 128 MiB
         cost: an app that uses all: killed
         cure: raise it
missing  ptrace: refused: Operation not permitted
         cure: sysctl
"""


def test_findings_are_read() -> None:
    assert tuple(read(TEXT)) == (
        Finding("/proc", "ok", "mounted"),
        Finding(
            "room",
            "limited",
            "100 MiB allowed to this container; the app may use 128 MiB",
            "an app that uses all: killed",
            "raise it",
        ),
        Finding("ptrace", "missing", "refused: Operation not permitted", "", "sysctl"),
    )


@pytest.mark.parametrize("text", ["bad  x: y", "ok", "         cost: of nothing", "\n"], ids=repr)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no finding"):
        tuple(read(text))


def test_this_host() -> None:
    """All that the target program prints is understood."""
    lines = subprocess.run(
        [binary(TARGET), "--olos-doctor"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    findings = examine()
    assert len(findings) == sum(not line.startswith(" ") for line in lines)
    assert {finding.name for finding in findings} > {"/proc", "ptrace", "filter", "room", "clock"}
    assert "missing" not in {finding.state for finding in findings}


@pytest.mark.parametrize("form", ["layout", "package"])
def test_memory_is_that_of_the_policy(tmp_path: Path, form: str) -> None:
    layout = make_layout(tmp_path / "layout") if form == "layout" else open_any(make_package(tmp_path))
    memory = layout.manifest().policy.memory >> 20
    (room,) = [finding.what for finding in examine(layout) if finding.name == "room"]
    assert re.search(rf"; the app may use {memory} MiB$", room)
    (room,) = [finding.what for finding in examine() if finding.name == "room"]
    assert room.endswith("; the app may use 64 MiB or more")


def test_a_package_that_is_damaged(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    layout = open_any(package)
    with package.open("r+b") as stream:
        stream.seek(layout["olos.json"].offset)
        stream.write(b"x")
    with pytest.raises(InputError, match="olos: "):
        examine(layout)
