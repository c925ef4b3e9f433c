"""Opening images, in whatever form they come. Everything read is verified before it is used."""

from __future__ import annotations

from pathlib import Path

from olos.errors import InputError
from olos.extent import Extent
from olos.progress import Progress
from olos_build.cache import LayerCache
from olos_build.images import docker_archive, oci
from olos_build.images.folder import ArchiveFolder, DirectoryFolder
from olos_build.images.model import History, Image, ImageConfig, Layer
from olos_build.images.spool import Blob, Spool

__all__ = ["History", "Image", "ImageConfig", "Layer", "open_archive", "open_oci_directory"]


def open_oci_directory(
    path: Path, tag: str | None, spool: Path, progress: Progress, cache: LayerCache | None = None
) -> Image:
    """The image in an OCI layout; `tag` is needed if there are several.

    Compressed layers are unpacked into the directory `spool`; those that `cache` has are taken from there.
    Raises InputError, naming the blob, for whatever is missing, damaged or not for linux/amd64.
    """
    folder = DirectoryFolder(path)
    if folder.find(oci.LAYOUT) is None:
        raise InputError(f"{path}: is no OCI layout: it has no file {oci.LAYOUT}")
    return oci.read_image(folder, tag, Spool(spool, progress, cache=cache))


def open_archive(
    path: Path, spool: Path, progress: Progress, tag: str | None = None, cache: LayerCache | None = None
) -> Image:
    """The image in an archive: an OCI layout in a tar file, or what `docker save` writes.

    The archive may be compressed with gzip or zstd. Else as `open_oci_directory`.
    """
    unpacker = Spool(spool, progress, cache=cache)
    archive = unpacker.archive(Blob(str(path), Extent.of_file(path)))
    folder = ArchiveFolder(archive, str(path))
    if folder.find(oci.LAYOUT) and folder.find(oci.INDEX):
        return oci.read_image(folder, tag, unpacker)
    if folder.find(docker_archive.MANIFEST):
        return docker_archive.read_image(folder, tag, unpacker)
    raise InputError(
        f"{path}: is no image: it has neither {oci.INDEX} nor {docker_archive.MANIFEST}",
        hint="give an archive of 'docker save', or an OCI archive of skopeo or buildah",
    )
