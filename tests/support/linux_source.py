"""A source that looks like that of Linux and is compiled in a moment."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

MAKEFILE = """# SPDX-License-Identifier: GPL-2.0
VERSION = 6
PATCHLEVEL = 1
SUBLEVEL = 999
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) .config
linux:
	@echo '  CC      init/main.o'
	gcc -w $(KCFLAGS) -DSTAMP="\\"$(KBUILD_BUILD_TIMESTAMP)\\"" init/version.c init/main.c -o linux
"""
MAIN = "#include <stdio.h>\nint main(void) { return puts(__FILE__ STAMP) < 0; }\n"
VERSION = 'const char linux_banner[] = "Linux version 6.1.999 (olos@olos)";\n'
FILES = {
    "Makefile": MAKEFILE,
    "init/main.c": MAIN,
    "init/version.c": VERSION,
    "sound/Kconfig": "# sound\n",
    "sound/core.c": "#error\n",
}


def write(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """The source as a directory. Returns it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def pack(path: Path, files: Mapping[str, str] = FILES, top: str = "linux-6.1") -> Path:
    """The source as a tarball. Returns it."""
    with tarfile.open(path, "w:xz", preset=0) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
