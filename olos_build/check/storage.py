"""buildah's storage for one build alone (containers-storage.conf(5)), in a mount namespace of its own.

Nothing comes from the cache, and nothing is left in the user's storage, whose named images can be used.
The directory /dev/shm, which RUN steps share with the machine, is one of its own as well.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from olos_build.builders.storage import BUILDAH
from olos_build.check import image_view
from olos_build.tool import Surroundings, Tool, ToolFailedError, first_line, run, started_in

SHARED = Path("/dev/shm")  # noqa: S108
"""Where RUN steps find `Storage.shared`."""

_UNSHARE = Tool("unshare", "util-linux")
_SHELL = Tool("sh", "dash")
_SCRIPT = """\
set -e
folder=$1 aside=$2 images=$3; shift 3
mount --bind "$images" "$images"
mount -o remount,bind,ro "$images"
case $folder in /dev/shm/*) mount --bind "$folder" "$aside" ;; esac
mount --bind "$folder/shared" /dev/shm
case $folder in /dev/shm/*) mount --bind "$aside" "$folder" ;; esac
exec "$@"
"""
"""Images are only read. A folder below /dev/shm stays where it is when another one is put over /dev/shm."""

_RESERVE = 256 << 20


@dataclass(frozen=True)
class Storage:
    """`newest_first`: on a tmpfs, where directories list what was made last first (mm/shmem.c)."""

    folder: Path
    aside: Path
    images: Path
    newest_first: bool

    @property
    def shared(self) -> Path:
        """What RUN steps have as /dev/shm."""
        return self.folder / "shared"

    def surroundings(self) -> Surroundings:
        """Those in which buildah uses it."""
        prefix = [*_as_root(), _UNSHARE.path(), "--mount", "--uts", "--", _SHELL.path(), "-c", _SCRIPT, "sh"]
        environment = (("CONTAINERS_STORAGE_CONF", str(self.folder / "storage.conf")),)
        folders = map(str, (self.folder, self.aside, self.images))
        return Surroundings((*prefix, *folders), environment)


@contextmanager
def own_storage(spool: Path, size: int | None, ids: Iterable[str]) -> Iterator[Storage]:
    """A storage for one build; it goes with the block. `size`: about what the image takes, in bytes.

    It is in memory if the size is known and there is room. `ids`: of unnamed images that it begins with.
    Raises ToolFailedError where there can be none, and MissingToolError.
    """
    newest_first = size is not None and _has_room(size)
    folder = Path(tempfile.mkdtemp(prefix="olos-", dir=SHARED if newest_first else spool))
    try:
        aside = spool / "aside"
        aside.mkdir()
        images = Path(first_line(BUILDAH, ["info", "--format", "{{.store.GraphRoot}}"]))
        storage = Storage(folder, aside, images, newest_first)
        _prepare(storage, ids)
        with started_in(storage.surroundings()):
            run(_SHELL, ["-c", ":"], _ignore)
        yield storage
    finally:
        _remove(folder)


def _as_root() -> tuple[str, ...]:
    """What makes root of a user, in a namespace with the subordinate ids."""
    return () if os.geteuid() == 0 else (BUILDAH.path(), "unshare", "--")


def _prepare(storage: Storage, ids: Iterable[str]) -> None:
    storage.folder.chmod(0o755)
    storage.shared.mkdir()
    storage.shared.chmod(0o1777)
    (storage.shared / storage.folder.name).mkdir()
    driver = first_line(BUILDAH, ["info", "--format", "{{.store.GraphDriverName}}"])
    graph, state = str(storage.folder / "graph"), str(storage.folder / "run")
    settings = {"driver": driver, "graphroot": graph, "rootless_storage_path": graph, "runroot": state}
    lines = ["[storage]", *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]
    view = storage.folder / "images"
    # Of a storage that nobody knows nothing is used: what is needed is pulled again.
    with suppress(OSError, ValueError, KeyError):
        image_view.make(storage.images, driver, ids, view)
        lines += ["[storage.options]", f"additionalimagestores = [{json.dumps(str(view))}]"]
    (storage.folder / "storage.conf").write_text("\n".join(lines) + "\n")


def _has_room(size: int) -> bool:
    """Whether an image of this size can be built in memory: with all stages it takes several times that."""
    try:
        is_tmpfs = any(
            fields[1:3] == [str(SHARED), "tmpfs"]
            for fields in map(str.split, Path("/proc/mounts").read_text().splitlines())
        )
        memory = Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]
    except (OSError, IndexError):
        return False
    available = min(int(memory) * 1024 // 2, shutil.disk_usage(SHARED).free)
    return is_tmpfs and os.access(SHARED, os.W_OK) and available > 4 * size + _RESERVE


def _remove(folder: Path) -> None:
    if _as_root():
        with suppress(ToolFailedError):  # What cannot be removed belongs to subordinate ids.
            run(BUILDAH, ["unshare", "--", "rm", "-rf", "--", folder], _ignore)
    shutil.rmtree(folder, ignore_errors=True)


def _ignore(_: str) -> None:
    """What the programs print here is of no use."""
