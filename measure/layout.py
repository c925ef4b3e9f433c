"""Measuring a layout: every value is computed from its bytes and compared with the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from measure import rootfs
from measure.regions import measurement
from olos.digest import Digest, sha256_stream
from olos.errors import InputError, MismatchError
from olos.layout import UNRECORDED, Layout
from olos.manifest import FileRecord, Manifest
from olos.progress import Progress


@dataclass(frozen=True)
class Measured:
    """A layout whose components are what its manifest says, and its measurement."""

    layout: Layout
    manifest: Manifest
    measurement: Digest


def measure(layout: Layout, progress: Progress) -> Measured:
    """Recompute everything. Raises MismatchError for the first component that differs, or InputError."""
    manifest = layout.manifest()
    _check_names(layout, manifest)
    for record in (*manifest.kernel, *manifest.crt):
        check_file(layout, record)
    check_rootfs(layout, manifest, progress)
    return Measured(layout, manifest, measurement(manifest))


def check_file(layout: Layout, record: FileRecord) -> None:
    """Compare one component file with its record. Raises MismatchError."""
    where = f"{layout.origin}: {record.path}"
    extent = layout[record.path]
    if extent.size != record.size:
        raise MismatchError.of(f"{where}: size", expected=record.size, actual=extent.size)
    with extent.open() as stream:
        actual, _ = sha256_stream(stream)
    if actual != record.sha256:
        raise MismatchError.of(f"{where}: sha256", expected=record.sha256.hex, actual=actual.hex)


def check_rootfs(layout: Layout, manifest: Manifest, progress: Progress) -> None:
    """Compare both roots and the number of entries with the manifest. Raises MismatchError."""
    record = manifest.rootfs
    where = f"{layout.origin}: {record.path}"
    roots = rootfs.measure(layout[record.path], record.image_size, progress)
    for what, expected, actual in (
        ("verity root", record.verity_root.hex, roots.verity_root.hex),
        ("tree root", record.tree_root.hex, roots.tree_root.hex),
        ("number of entries", record.entries, roots.entries),
    ):
        if expected != actual:
            raise MismatchError.of(f"{where}: {what}", expected=expected, actual=actual)


def _check_names(layout: Layout, manifest: Manifest) -> None:
    known = {manifest.rootfs.path, *UNRECORDED}
    known |= {record.path for record in (*manifest.kernel, *manifest.crt)}
    for name, _ in layout.files:
        if name not in known:
            raise InputError(
                f"{layout.origin}: {name} is not named by the manifest",
                hint="a layout holds nothing but its components; remove the file or build again",
            )
