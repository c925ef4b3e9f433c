"""The readers of the C runtime, built with the compiler's memory checkers, for tests to feed with bytes."""

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COMMON = ROOT / "runtime" / "common"
SOURCE = ROOT / "tests" / "unit" / "runtime" / "probe.c"
INCLUDED = {"erofs.c", "rootfs.c", "sha256.c"}
"""What the probe includes as text, to reach static functions."""
FOR_MUSL = {"fortify.c"}
"""What glibc has itself."""
LIBRARIES = ("-lmbedx509", "-lmbedcrypto")

FLAGS = ("-std=c17", "-D_GNU_SOURCE", "-O1", "-g", "-pthread", "-Wall", "-Wextra", "-Werror")
CHECKERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


def build(folder: Path) -> Path:
    """Compile the probe into `folder`."""
    program = folder / "probe"
    sources = sorted(path for path in COMMON.glob("*.c") if path.name not in INCLUDED | FOR_MUSL)
    command: list[str | Path] = ["gcc", *FLAGS, *CHECKERS, f"-I{COMMON}", SOURCE, *sources, *LIBRARIES]
    subprocess.run([*command, "-o", program], check=True)
    return program


def ask(probe: Path, verb: str, items: Iterable[bytes]) -> list[str]:
    """One answer for each item: `0` and values, or an exit code and a message."""
    data = [struct.pack("<Q", len(item)) + item for item in items]
    result = subprocess.run([probe, verb], input=b"".join(data), capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
    answers = result.stdout.decode(errors="replace").split("\n")[:-1]
    assert len(answers) == len(data)
    return answers


def fuzz(probe: Path, verb: str, item: bytes, *, seed: int, count: int) -> int:
    """Change the item `count` times and read it; nothing may crash or hang. How many were accepted."""
    result = subprocess.run(
        [probe, "fuzz", verb, str(seed), str(count)],
        input=struct.pack("<Q", len(item)) + item,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
    return int(result.stdout)
