"""The directory that `olos sdk` writes: libolos with what belongs to it, as below /usr/local."""

from __future__ import annotations

import shutil
from pathlib import Path

from olos import binaries
from olos.output import atomic_directory

FILES = (
    "include/olos/olos.h",
    "include/olos/tee.h",
    "lib/libolos.a",
    "lib/libolos.so.1",
    "lib/pkgconfig/olos.pc",
    "python/olos_tee.py",
)
LINKS = {"lib/libolos.so": "libolos.so.1"}
"""What the linker looks for; a wheel cannot hold symlinks."""


def write(directory: Path) -> None:
    """Write the files. Raises MissingToolError if olos was built without them, InputError if it cannot."""
    source = binaries.sdk()
    with atomic_directory(directory) as made:
        for name in FILES:
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, path)
            path.chmod(0o644)
        for name, target in LINKS.items():
            (made / name).symlink_to(target)
        for folder in made.rglob("*/"):
            folder.chmod(0o755)
