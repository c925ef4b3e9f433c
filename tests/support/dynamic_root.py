"""A small root file system of this machine's programs, linked with glibc, and one locale."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

LOCALE = "tr_TR.UTF-8"
PROGRAMS = (
    "cat",
    "date",
    "hostname",
    "ls",
    "mkdir",
    "nproc",
    "od",
    "sh",
    "sleep",
    "sort",
    "stat",
    "touch",
    "uname",
)


def make_root(folder: Path, programs: Sequence[str] = PROGRAMS) -> Path:
    """Write it into the new directory `folder`: the programs in /bin, what they and libfaketime load."""
    copies = [(Path(str(shutil.which(program))), folder / "bin" / program) for program in programs]
    (preloaded,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    for path in (*(path for path, _ in copies), preloaded):
        copies += loaded(path, folder)
    for source, target in copies:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755)
    return folder


def add_locale(folder: Path) -> None:
    """Add `LOCALE`, compiled."""
    target = folder / "usr/lib/locale" / LOCALE
    target.parent.mkdir(parents=True)
    name, _, charset = LOCALE.partition(".")
    subprocess.run(["localedef", "--no-archive", "-i", name, "-f", charset, target], check=True)


def loaded(program: Path, folder: Path) -> list[tuple[Path, Path]]:
    """What a program loads: the files, and where they lie in a root file system."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return [(Path(path), folder / path.lstrip("/")) for path in re.findall(r"(/\S+) \(0x", text)]
