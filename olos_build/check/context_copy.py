"""A build context as another checkout on another machine might be: elsewhere, later, in another order."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from olos.progress import SILENT
from olos_build import context
from olos_build.builders.protocol import BuildRequest

_PRIVATE = 0o700


def copy(request: BuildRequest, folder: Path) -> None:
    """Copy what the builder gets to see into the new directory `folder`. Raises InputError.

    Modes are those of umask 077, times those of now, and what comes last is made first.
    """
    folder.mkdir(mode=_PRIVATE)
    for item in reversed(list(context.items(request, SILENT))):
        path = folder / item.path
        path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if item.type == stat.S_IFDIR:
            path.mkdir(mode=_PRIVATE, exist_ok=True)
        elif item.type == stat.S_IFLNK:
            path.symlink_to(item.target)
        else:
            with item.open() as source, path.open("xb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                os.fchmod(target.fileno(), item.mode & _PRIVATE)
