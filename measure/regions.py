"""From the manifest to the one measurement (`olos-measure-1`, docs/formats.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from measure.mrenclave import PAGE_SIZE, Page, Permissions, mrenclave
from olos.digest import Digest
from olos.manifest import SECTIONS, Manifest

SSA_FRAME_SIZE = 1
_CODE = Permissions.R | Permissions.X
_DATA = Permissions.R
_PERMISSIONS = {"kernel": _CODE, "crt": _CODE, "rootfs": _DATA, "app": _DATA, "policy": _DATA}


@dataclass(frozen=True)
class Region:
    """A measured section: its name, canonical bytes and rights, and its place in bytes."""

    name: str
    data: bytes
    permissions: Permissions
    offset: int

    @property
    def size(self) -> int:
        """Its size in whole pages, in bytes."""
        return _round_up(len(self.data))

    def pages(self) -> Iterator[Page]:
        """Its pages, the last one padded with zeros."""
        for start in range(0, len(self.data), PAGE_SIZE):
            content = self.data[start : start + PAGE_SIZE].ljust(PAGE_SIZE, b"\0")
            yield Page(self.offset + start, content, self.permissions)


def regions(manifest: Manifest) -> tuple[Region, ...]:
    """The five sections one behind the other, from offset 0."""
    result: list[Region] = []
    offset = 0
    for name in SECTIONS:
        region = Region(name, manifest.section(name), _PERMISSIONS[name], offset)
        result.append(region)
        offset += region.size
    return tuple(result)


def measurement(manifest: Manifest) -> Digest:
    """The MRENCLAVE over the regions of a manifest."""
    parts = regions(manifest)
    page_count = sum(part.size for part in parts) // PAGE_SIZE
    size = PAGE_SIZE << (page_count - 1).bit_length()
    pages = (page for part in parts for page in part.pages())
    return mrenclave(pages, size=size, ssa_frame_size=SSA_FRAME_SIZE)


def _round_up(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE
