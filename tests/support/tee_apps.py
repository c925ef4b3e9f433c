"""Apps that ask the TEE, and a relying party that believes nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from measure.regions import measurement
from olos.manifest import Manifest
from support.runtime import HEADERS, run

CALLS = (Path(__file__).parent / "tee_calls.c").read_text()
"""The source of a program that makes the system calls of the TEE."""

_LOADER = "/lib64/ld-linux-x86-64.so.2"


def ask(
    layout: Path, home: Path, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run an app; the root key of its TEE lies in `home`."""
    return run(layout, *args, stdin=stdin, env={"PATH": os.environ["PATH"], "HOME": str(home), **(env or {})})


def root_of(layout: Path, home: Path) -> File:
    """The root certificate, as the target prints it."""
    command: list[str | Path] = [layout / "target/linux", f"--olos-layout={layout}", "--olos-sim-root"]
    text = subprocess.run(command, check=True, capture_output=True, env={"HOME": str(home)}).stdout
    return File("root.pem", text)


def demands_of(layout: Path, nonce: bytes | None = None) -> Demands:
    """That it is this layout, simulated or not."""
    manifest = Manifest.decode((layout / "olos.json").read_bytes())
    return Demands(measurement=measurement(manifest).value, allow_simulated=True, report_data=nonce)


def verified(data: bytes, root: File, layout: Path, nonce: bytes | None = None) -> Identity:
    """What is proven to somebody who demands this layout's measurement."""
    wanted = demands_of(layout, nonce)
    return verify(File("evidence", data), wanted, roots=(root,), time=datetime.now(UTC))


def add_dynamic(tree: Path, source: str, name: str) -> None:
    """Compile a program that is linked with glibc, and put it and what it loads into a tree."""
    program = tree / name
    subprocess.run(
        ["gcc", f"-I{HEADERS}", "-D_GNU_SOURCE", "-O1", "-x", "c", "-", "-o", program, "-pthread"],
        input=source.encode(),
        check=True,
    )
    listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    paths = [word for line in listing.splitlines() for word in line.split() if word.startswith("/")]
    for path in {*paths, _LOADER}:
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
