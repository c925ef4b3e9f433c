"""A layout, unpacked in a directory or packed in a package: named extents (docs/formats.md section 1).

Readers of either form give a `Layout`; what measures, lists or packs it does not know which it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from olos.errors import InputError
from olos.extent import Extent
from olos.manifest import MANIFEST_LIMIT, Manifest, check_layout_name

MANIFEST = "olos.json"
ANNOTATIONS = "annotations.json"
ROOTFS = "rootfs.img"
SIGSTRUCT = "olos.sigstruct"
TARGET_PROGRAM = "target/linux"
UNRECORDED = (ANNOTATIONS, MANIFEST, SIGSTRUCT, TARGET_PROGRAM)
"""Files of which no manifest records a digest, sorted; all others of a layout are named by its manifest."""

DEFAULT_NAME = "olos-layout"
"""Directory that `olos build` makes, and the other commands look for, in the current directory."""

MAX_FILES = 63
ANNOTATIONS_LIMIT = 32 << 20
SIGSTRUCT_SIZE = 1808
NO_LAYOUT_HINT = "a layout is what 'olos build' makes, a package what 'olos pack' makes"


@dataclass(frozen=True)
class Layout:
    """The files of a layout by name, sorted, and where it came from.

    Raises InputError if it has a signature file that is none by its size.
    """

    origin: Path
    packed: bool
    files: tuple[tuple[str, Extent], ...]

    def __post_init__(self) -> None:
        size = self[SIGSTRUCT].size if SIGSTRUCT in self else SIGSTRUCT_SIZE
        if size != SIGSTRUCT_SIZE:
            raise InputError(
                f"{self.origin}: {SIGSTRUCT}: {size} bytes, but a signature has {SIGSTRUCT_SIZE}",
                hint="remove it, or put the one back that 'olos sign' made",
            )

    def __getitem__(self, name: str) -> Extent:
        """The extent of a file. Raises InputError if the layout has none of that name."""
        for known, extent in self.files:
            if known == name:
                return extent
        raise InputError(f"{self.origin}: {name} is missing")

    def __contains__(self, name: object) -> bool:
        return any(known == name for known, _ in self.files)

    def manifest_bytes(self) -> bytes:
        """The manifest as it stands. Raises InputError if it is missing or too large."""
        return self[MANIFEST].read(MANIFEST_LIMIT)

    def manifest(self) -> Manifest:
        """The manifest, decoded. Raises InputError."""
        return Manifest.decode(self.manifest_bytes(), where=f"{self.origin}: {MANIFEST}")


def with_file(layout: Layout, name: str, extent: Extent) -> Layout:
    """The same layout with one more file, or with other bytes for one that it has. Raises InputError."""
    check_layout_name(name, str(layout.origin))
    files = {**dict(layout.files), name: extent}
    return replace(layout, files=tuple(sorted(files.items())))


def is_program(name: str) -> bool:
    """Whether a file of a layout is started as a program, and so has the mode of one."""
    return name in ("kernel/linux", TARGET_PROGRAM) or name.startswith("kernel/ld-linux")


def open_directory(path: Path) -> Layout:
    """The layout in a directory. Raises InputError if it is none."""
    if not (path / MANIFEST).is_file():
        raise InputError(f"{path}: no layout: it has no {MANIFEST}", hint=NO_LAYOUT_HINT)
    files = []
    for name in sorted(_walk(path, "")):
        check_layout_name(name, str(path))
        files.append((name, Extent(path / name, 0, (path / name).stat().st_size)))
        if len(files) > MAX_FILES:
            raise InputError(f"{path}: no layout: it has more than {MAX_FILES} files")
    return Layout(path, False, tuple(files))


def _walk(root: Path, below: str) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(root / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    names += _walk(root, check_layout_name(name, str(root)) + "/")
                elif entry.is_file(follow_symlinks=False):
                    names.append(name)
                else:
                    raise InputError(f"{root}: no layout: {name} is neither a file nor a directory")
                if len(names) > MAX_FILES:
                    break
    except OSError as exc:
        raise InputError(f"{root}: cannot be read: {exc.strerror}") from exc
    return names
