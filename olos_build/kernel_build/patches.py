"""The patches: files of this package, applied in the order of their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from olos.errors import InputError
from olos_build.kernel_build.tools import PATCH, call
from olos_build.tool import ToolFailedError

FOLDER = Path(__file__).with_name("patches")


def series() -> tuple[Path, ...]:
    """All patches, in order."""
    return tuple(sorted(FOLDER.glob("*.patch")))


def apply(tree: Path, output: Callable[[str], None]) -> None:
    """Change a source tree. Raises InputError if a patch does not fit."""
    for path in series():
        try:
            call(
                PATCH,
                ["-p1", "--forward", "--batch", "--no-backup-if-mismatch", "-d", tree, "-i", path],
                output,
            )
        except ToolFailedError as exc:
            lines = "".join(f"\n  {line}" for line in exc.tail)
            raise InputError(
                f"{path.name} does not fit the source:{lines}", hint="give another source with --source"
            ) from exc
