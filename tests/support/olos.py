"""Running the `olos` command as a user would."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import olos_cli

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
PACKAGES = str(Path(olos_cli.__file__).parent.parent)
"""Where the tested olos lies, installed or not."""


def olos(
    *args: str | Path,
    cwd: Path | None = None,
    expect: int | None = 0,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `olos ARGS`; the exit code must be `expect`, if that is given."""
    return execute([sys.executable, "-m", "olos_cli", *args], cwd=cwd, expect=expect, env=env)


def execute(
    command: list[str | Path],
    *,
    cwd: Path | None = None,
    expect: int | None = 0,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program; the exit code must be `expect`. `env` is added to a small environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    result = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env={**kept, "PYTHONPATH": PACKAGES, "PYTHONSAFEPATH": "1", "OLOS_CACHE_SIZE": "0", **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert expect in (None, result.returncode), (
        f"{command}: exit {result.returncode}, expected {expect}\n{result.stdout}\n{result.stderr}"
    )
    return result


def hello_context(folder: Path, source: str | None = None) -> Path:
    """A context with a static program and a Dockerfile FROM scratch. Returns the Dockerfile."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hello.c").write_text(source or '#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    subprocess.run(
        ["musl-gcc", "-static", "-Os", "-s", "-o", folder / "hello", folder / "hello.c"], check=True
    )
    (folder / ".dockerignore").write_text("hello.c\n")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text('FROM scratch\nCOPY hello /bin/hello\nENTRYPOINT ["/bin/hello"]\n')
    return dockerfile


def start_in_session(
    command: list[str | Path], cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a program in a session of its own, so that signals to its group reach nobody else."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
