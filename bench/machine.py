"""Facts about the machine, without which no figure means anything."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

_FEATURES = ("sha_ni", "avx2", "avx512f")
_VERSIONS = {
    "cryptsetup": ("veritysetup", "--version"),
    "fsverity": ("fsverity", "--version"),
    "git": ("git", "--version"),
    "erofs-utils": ("dump.erofs", "-V"),
    "skopeo": ("skopeo", "--version"),
    "umoci": ("umoci", "--version"),
    "xorriso": ("xorriso", "-version"),
}


def facts(folder: Path) -> dict[str, object]:
    """Processor, memory, kernel, the file system of `folder`, and the versions of the peers."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in cpuinfo.split("\n\n")[0].splitlines() if ":" in line)
    cpu = {name.strip(): value.strip() for name, value in fields.items()}
    return {
        "cpu": cpu.get("model name", "unknown"),
        "cpu_features": [name for name in _FEATURES if name in cpu.get("flags", "").split()],
        "cpus": len(os.sched_getaffinity(0)),
        "file_system": _file_system(folder),
        "kernel": platform.release(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "python": platform.python_version(),
        "versions": {name: _first_line(command) for name, command in _VERSIONS.items()},
    }


def _file_system(folder: Path) -> str:
    return _first_line(("stat", "-f", "-c", "%T", str(folder)))


def _first_line(command: tuple[str, ...]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return (result.stdout or result.stderr).splitlines()[0]
