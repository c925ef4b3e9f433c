"""Component files on their way into a layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from olos.digest import Digest
from olos.manifest import FileRecord


@dataclass(frozen=True)
class Component:
    """A file of a component: its name in the layout and its content (some MB at most).

    `source` is the file or directory of the machine that it was taken from, if there is one.
    """

    path: str
    content: bytes
    mode: int = 0o644
    source: Path | None = field(default=None, compare=False)

    def record(self) -> FileRecord:
        """What the manifest says of it."""
        return FileRecord(self.path, len(self.content), Digest.sha256(self.content))

    def write(self, layout: Path) -> None:
        """Put the file into a layout directory that is being made."""
        target = layout / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.content)
        target.chmod(self.mode)
