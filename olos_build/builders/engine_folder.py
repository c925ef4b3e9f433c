"""A directory beside the build context, for the Engine's own builder: as an image, for the time of a build.

It knows no other place that COPY --from can read. BuildKit and buildah take the directory itself.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import APIClient

from olos_build.builders.protocol import NamedFolder


@contextmanager
def imported(client: APIClient, folder: NamedFolder | None, spool: Path) -> Iterator[None]:
    """Have the directory as an image of its name within the block."""
    if folder is None:
        yield
        return
    archive = spool / "folder.tar"
    with tarfile.open(archive, "x", format=tarfile.GNU_FORMAT) as stream:
        stream.add(folder.path, ".", filter=_plain)
    client.import_image_from_file(str(archive), repository=folder.name, tag="latest")
    archive.unlink()
    try:
        yield
    finally:
        client.remove_image(f"{folder.name}:latest", force=True)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of this machine's, so that the image is the same each time."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
