"""Apps of Debian's packages: the Dockerfiles of tests/integration/apps, built and run."""

import subprocess
from pathlib import Path

from support.olos import ROOT, olos
from support.runtime import command

APPS = ROOT / "tests/integration/apps"
PATIENCE = 300


def build_app(name: str, base: str, folder: Path) -> Path:
    """Build the layout of an app upon a base image with apt."""
    layout = folder / name
    olos("build", APPS / name / "Dockerfile", "--build-arg", f"BASE={base}", "-o", layout)
    return layout


def run_app(layout: Path, *args: str, patience: int = PATIENCE) -> str:
    """What an app prints on both streams; it must end with 0."""
    result = subprocess.run(
        command(layout, *args),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience,
        check=False,
    )
    assert result.returncode == 0, f"{args}: exit {result.returncode}\n{result.stdout[-20000:]}"
    return result.stdout
