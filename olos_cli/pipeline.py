"""The main line: composes building, measuring and packing. Knows nothing of the terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from measure import verity
from measure.layout import Measured
from measure.layout import measure as measure_layout
from measure.rootfs import measure as measure_rootfs
from olos.binaries import LAUNCHER, TARGET, binary
from olos.digest import Digest
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.layout import ANNOTATIONS, MANIFEST, ROOTFS, TARGET_PROGRAM, open_directory
from olos.manifest import App, Manifest, RootfsRecord
from olos.output import atomic_directory, atomic_file
from olos.package import open_any
from olos.progress import Progress
from olos.tree import Tree
from olos_build import appconfig, canonical_tree, crt, erofs, kernel, merge
from olos_build.acquire import acquire
from olos_build.annotations import Provenance, annotations
from olos_build.builders.protocol import BuildRequest, BuiltImage
from olos_build.builders.table import choose
from olos_build.component import Component
from olos_build.image import Image, open_archive, open_oci_directory
from olos_build.settings import Settings
from pack import package, unpack as unpacking, verify as verifying

_PROGRAM_MODE = 0o755


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What `olos build` is asked for. `image` takes the place of a Dockerfile."""

    output: Path
    settings: Settings
    dockerfile: Path
    context: Path
    image: str | None = None
    builder: str = "auto"
    stage: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    kernel: Path | None = None


@dataclass(frozen=True)
class Built:
    """A new layout and its measurement."""

    layout: Path
    measurement: Digest


@dataclass(frozen=True)
class Packed:
    """A new package, its size in bytes and its measurement."""

    path: Path
    size: int
    measurement: Digest


def build(options: BuildOptions, progress: Progress) -> Built:
    """Dockerfile or image → layout. Raises any OlosError; an old layout stays until the new one is whole."""
    _check_replaceable(options.output)
    components = (*kernel.collect(options.kernel), *crt.collect(), _target_program())
    with tempfile.TemporaryDirectory(prefix="olos-") as spool_name:
        spool = Path(spool_name)
        built = _obtain(options, spool, progress)
        image = _open(built, spool, progress)
        tree, app = _app_tree(image, options.settings, progress)
        with atomic_directory(options.output) as folder:
            for component in components:
                component.write(folder)
            rootfs = _write_rootfs(tree, folder / ROOTFS, progress)
            manifest = Manifest(
                kernel=_records(components, "kernel/"),
                crt=_records(components, "crt/"),
                rootfs=rootfs,
                app=app,
                policy=options.settings.policy,
            )
            # The decoder holds every rule of the format; what we write must pass it.
            Manifest.decode(manifest.encode())
            (folder / MANIFEST).write_bytes(manifest.encode())
            provenance = Provenance(
                built.builder, built.version, options.settings.source_date_epoch, version("olos")
            )
            (folder / ANNOTATIONS).write_bytes(annotations(image, provenance))
    return Built(options.output, measure_layout_of(manifest))


def measure(path: Path, progress: Progress) -> Measured:
    """Recompute everything from the bytes of a layout or package. Raises MismatchError or InputError."""
    return measure_layout(open_any(path), progress)


def pack(path: Path, output: Path, progress: Progress) -> Packed:
    """Layout → package. A layout that does not match its manifest is refused with MismatchError."""
    measured = measure(path, progress)
    with atomic_file(output, _PROGRAM_MODE) as stream:
        package.write(measured.layout, stream, binary(LAUNCHER).read_bytes(), progress)
    return Packed(output, output.stat().st_size, measured.measurement)


def unpack(path: Path, directory: Path, progress: Progress) -> Path:
    """Package → layout directory. Raises InputError."""
    unpacking.unpack(open_any(path), directory, progress)
    return directory


def verify(path: Path, expected: Digest | None, progress: Progress) -> Measured:
    """Measure, account for every byte of a package, and compare with `expected`. Raises MismatchError."""
    measured = measure(path, progress)
    if measured.layout.packed:
        verifying.verify(path, binary(LAUNCHER).read_bytes(), progress)
    if expected is not None and measured.measurement != expected:
        raise MismatchError.of(f"{path}: measurement", expected=expected.hex, actual=measured.measurement.hex)
    return measured
