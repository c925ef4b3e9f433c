"""Building: Dockerfile or image → layout. Composes `olos_build` and `measure`; knows nothing of the terminal.

Apart from `pipeline`, so that who only measures does not load what only builds.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import verity
from measure.regions import measurement
from measure.rootfs import measure as measure_rootfs
from olos.binaries import TARGET, binary
from olos.digest import Digest
from olos.errors import InputError
from olos.extent import Extent
from olos.layout import ANNOTATIONS, MANIFEST, ROOTFS, SIGSTRUCT, TARGET_PROGRAM, UNRECORDED, open_directory
from olos.manifest import App, FileRecord, Manifest, RootfsRecord
from olos.output import atomic_directory
from olos.progress import Progress
from olos.tree import Tree
from olos_build import appconfig, canonical_tree, crt, erofs, kernel, merge
from olos_build.acquire import acquire
from olos_build.annotations import Provenance, annotate
from olos_build.builders.buildkit_address import Address
from olos_build.builders.protocol import NO_EXTRAS, BuildRequest, BuiltImage, Extras
from olos_build.builders.table import BuilderName
from olos_build.cache import LayerCache, limit_from_environment, user_folder
from olos_build.component import Component
from olos_build.dockerfile import Dockerfile, load
from olos_build.image import Image, open_archive, open_oci_directory
from olos_build.scrub import scrub
from olos_build.settings import Settings
from olos_cli import locking
from olos_cli.locking import Locked

_PROGRAM_MODE = 0o755
_LAYOUT_NAME = re.compile("|".join(("(kernel|crt)/[^/]+", *map(re.escape, (ROOTFS, *UNRECORDED)))))
"""What a build may have written; a directory with anything else in it is somebody's."""


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """What `olos build` is asked for. `image` takes the place of a Dockerfile. `lock` is in use if given;
    `locked`: it must cover all."""

    output: Path
    settings: Settings
    dockerfile: Path
    context: Path
    image: str | None = None
    builder: BuilderName = "auto"
    stage: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    extras: Extras = NO_EXTRAS
    buildkit: Address | None = None
    kernel: Path | None = None
    lock: Path | None = None
    locked: bool = False


@dataclass(frozen=True)
class Built:
    """A new layout and its measurement."""

    layout: Path
    measurement: Digest


def build(options: BuildOptions, progress: Progress) -> Built:
    """Dockerfile or image → layout. Raises any OlosError; an old layout stays until the new one is whole."""
    _check_replaceable(options.output)
    host_mounts = bool(options.settings.policy.host_mounts)
    kernel_files = kernel.collect(options.kernel, host_mounts=host_mounts)
    components = Components(kernel_files, crt.collect(), _target_program())
    if options.image is None:
        load(options.dockerfile)  # Whether there is one is known before any builder is looked for.
    used = _lock(options, components, progress)
    with _spool() as spool, _cache(options, progress) as cache:
        built, dockerfile = _obtain(options, used, spool, progress)
        provenance = _provenance(options, built, dockerfile)
        image = _open(built, spool, progress, cache)
        if used:
            used.check_image(image)
        tree, origins, app = _app_tree(image, options.settings, progress)
        with atomic_directory(options.output) as folder:
            components.write(folder)
            manifest = Manifest(
                kernel=_records(components.kernel),
                crt=_records(components.crt),
                rootfs=_write_rootfs(tree, folder / ROOTFS, progress),
                app=app,
                policy=options.settings.policy_for(app, progress),
            )
            (folder / MANIFEST).write_bytes(_checked(manifest))
            (folder / ANNOTATIONS).write_bytes(annotate(image, provenance, origins).encode())
            _tell_of_signature(options.output, progress)
    return Built(options.output, measurement(manifest))


@contextmanager
def _spool() -> Iterator[Path]:
    """A directory for image and layers while they are worked on. Raises InputError if it has no room."""
    with tempfile.TemporaryDirectory(prefix="olos-") as name:
        try:
            yield Path(name)
        except OSError as exc:
            raise InputError(
                f"{tempfile.gettempdir()}: cannot be written: {exc.strerror}",
                hint="free some space there, or set TMPDIR to another directory",
            ) from exc


def _cache(options: BuildOptions, progress: Progress) -> LayerCache:
    limit = 0 if options.extras.no_cache else limit_from_environment()
    return LayerCache(user_folder(), limit, progress)


@dataclass(frozen=True)
class Components:
    """The files of a layout that do not come from the image."""

    kernel: tuple[Component, ...]
    crt: tuple[Component, ...]
    target: Component

    def write(self, folder: Path) -> None:
        """Put them all into a layout directory that is being made."""
        for component in (*self.kernel, *self.crt, self.target):
            component.write(folder)


def _check_replaceable(output: Path) -> None:
    """What is there already may be replaced only if it is a layout, or an empty directory."""
    if not os.path.lexists(output) or (output.is_dir() and not any(output.iterdir())):
        return
    try:
        foreign = [name for name, _ in open_directory(output).files if not _LAYOUT_NAME.fullmatch(name)]
        reason = f"it holds {foreign[0]}" if foreign else ""
    except InputError as exc:
        reason = exc.message
    if reason:
        raise InputError(
            f"{output}: exists and is not replaced: {reason}",
            hint="remove it, or name another directory with -o",
        )


def _tell_of_signature(output: Path, progress: Progress) -> None:
    """A signature is over one measurement: that of an old layout is not taken over."""
    if (output / SIGSTRUCT).exists():
        progress.step(f"{output} was signed; the new layout is not: sign it again with 'olos sign'")


def _target_program() -> Component:
    return Component(TARGET_PROGRAM, binary(TARGET).read_bytes(), _PROGRAM_MODE)


def _lock(options: BuildOptions, components: Components, progress: Progress) -> Locked | None:
    """The lock in use, if there is one. What it says of the machine's files has been compared."""
    if options.lock is None:
        return None
    used = locking.use(
        options.lock, options.dockerfile, options.stage, options.build_args, strict=options.locked
    )
    locking.warn_of_missing(used, progress)
    used.check_files(components.kernel, components.crt, options.settings.source_date_epoch)
    return used


def _obtain(
    options: BuildOptions, used: Locked | None, spool: Path, progress: Progress
) -> tuple[BuiltImage, Dockerfile | None]:
    """The image, and the Dockerfile as the builder got it if it was built here."""
    if options.image is not None:
        return acquire(options.image, spool, progress), None
    builder = locking.choose_builder(options.builder, used.lock if used else None, options.buildkit)
    if used:
        used.check_tools(builder, progress)
    progress.step(f"building {options.dockerfile} with {builder.name}")
    request = BuildRequest(
        dockerfile=options.dockerfile,
        context=options.context,
        stage=options.stage,
        build_args=options.build_args,
        epoch=options.settings.source_date_epoch,
        pinned=used.prepare(spool / "downloads", progress) if used else None,
        extras=options.extras,
    )
    return builder.build(request, spool, progress), request.load()


def _provenance(options: BuildOptions, built: BuiltImage, dockerfile: Dockerfile | None) -> Provenance:
    return Provenance(
        builder=built.builder,
        builder_version=built.version,
        source_date_epoch=options.settings.source_date_epoch,
        dockerfile=dockerfile,
        stage=options.stage,
        build_args=options.build_args,
        scrub=options.settings.scrub,
    )


def _open(built: BuiltImage, spool: Path, progress: Progress, cache: LayerCache) -> Image:
    if built.kind == "oci-directory":
        return open_oci_directory(built.path, built.tag, spool, progress, cache)
    return open_archive(built.path, spool, progress, built.tag, cache)


def _app_tree(image: Image, settings: Settings, progress: Progress) -> tuple[Tree, Iterator[int], App]:
    """The canonical file tree, the layers that wrote its entries, and how the app in it is started."""
    merged = merge.merge(image.layers, progress)
    scrubbed = scrub(merged, settings.scrub, progress)
    tree = canonical_tree.canonicalise(scrubbed, settings.source_date_epoch, progress)
    app = appconfig.resolve(image.config, tree, settings.app, progress)
    tree = canonical_tree.ensure_directories(tree, (app.cwd, *image.config.volumes))
    return tree, canonical_tree.origins(tree, merged.layers), app


def _write_rootfs(tree: Tree, path: Path, progress: Progress) -> RootfsRecord:
    with path.open("w+b") as stream:
        image_size = erofs.write(tree, stream, progress)
        verity.append_hash_tree(stream, image_size, progress)
    roots = measure_rootfs(Extent(path, 0, path.stat().st_size), image_size, progress)
    return RootfsRecord(ROOTFS, image_size, roots.verity_root, roots.tree_root, roots.entries)


def _records(components: tuple[Component, ...]) -> tuple[FileRecord, ...]:
    return tuple(component.record() for component in components)


def _checked(manifest: Manifest) -> bytes:
    """The bytes of a manifest. The decoder holds every rule of the format; what we write must pass it."""
    data = manifest.encode()
    Manifest.decode(data)
    return data
