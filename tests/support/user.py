"""A normal user with subordinate ids, and running olos as that user."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.olos import PACKAGES, ROOT

_PROGRAM = """
import importlib, os, pkgutil, runpy, sys
import encodings.idna, encodings.latin_1, encodings.unicode_escape, encodings.utf_16_be
import encodings.utf_16_le, encodings.utf_8_sig
user, uid, gid, home, module, *arguments = sys.argv[1:]
# Loaded while we are root: the interpreter may lie where the user cannot read.
for name in ("olos", "olos_build", "measure", "pack", "olos_cli"):
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
import hashlib, olos.content
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
os.environ.update(HOME=home, USER=user, LOGNAME=user, TMPDIR=home)
os.environ.pop("XDG_RUNTIME_DIR", None)
sys.argv[1:] = arguments
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@contextmanager
def normal_user() -> Iterator[pwd.struct_passwd]:
    """Make a user, with the subordinate ids that useradd gives; remove it and its home in the end."""
    name = f"olos-test-{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        # As root, so the files of its subordinate ids in its home go too.
        subprocess.run(["userdel", "--force", "--remove", name], check=False, capture_output=True)


def run_as(
    user: pwd.struct_passwd, module: str, arguments: Sequence[str | Path]
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` as the user, in its home."""
    start = [user.pw_name, str(user.pw_uid), str(user.pw_gid), user.pw_dir, module]
    library = _readable_copy(user)
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *start, *map(str, arguments)],
        check=False,
        cwd=user.pw_dir,
        env={**os.environ, "PYTHONPATH": f"{library}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def _readable_copy(user: pwd.struct_passwd) -> Path:
    """olos in the home of the user, who may not be able to read where it is installed."""
    library = Path(user.pw_dir) / "library"
    for name in ("olos", "olos_build", "measure", "pack", "olos_cli"):
        shutil.copytree(Path(PACKAGES) / name, library / name, dirs_exist_ok=True)
    return library
