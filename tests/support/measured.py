"""Layouts whose manifest is right in every value, with the target program in place."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

from measure import rootfs
from olos.annotations import Annotations
from olos.binaries import LAUNCHER, TARGET, binary
from olos.digest import Digest
from olos.layout import ANNOTATIONS, MANIFEST, ROOTFS, TARGET_PROGRAM, open_directory
from olos.manifest import FileRecord, RootfsRecord
from olos.progress import SILENT
from olos.tree import Tree
from support.manifests import manifest_of
from support.packages import pack
from support.trees import noise, write_image

KERNEL = {"kernel/ld-linux-x86-64.so.2": noise(5000), "kernel/linux": noise(700_001)}
ANNOTATED = Annotations(
    builder="none",
    builder_version="0",
    olos_version="0",
    source_date_epoch=0,
    config_digest=Digest.sha256(b""),
    layers=(),
    history=(),
    origins=(),
)
CRT = {"crt/initramfs.cpio": noise(1024)}


def measured_layout(folder: Path, tree: Tree) -> Path:
    """Make the layout of a tree in `folder`. The kernel is none, so it cannot be run."""
    for name, data in {**KERNEL, **CRT, ANNOTATIONS: ANNOTATED.encode()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / TARGET_PROGRAM).parent.mkdir()
    shutil.copy(binary(TARGET), folder / TARGET_PROGRAM)
    image = write_image(tree, folder / ROOTFS)
    roots = rootfs.measure(image.extent, image.size, SILENT)
    record = RootfsRecord(ROOTFS, image.size, roots.verity_root, roots.tree_root, roots.entries)
    kernel, crt = (
        tuple(FileRecord(name, len(data), Digest.sha256(data)) for name, data in sorted(files.items()))
        for files in (KERNEL, CRT)
    )
    manifest = dataclasses.replace(manifest_of(), kernel=kernel, crt=crt, rootfs=record)
    (folder / MANIFEST).write_bytes(manifest.encode())
    return folder


def package_of(layout: Path, package: Path) -> Path:
    """The package of a layout with the real launcher."""
    return pack(open_directory(layout), package, binary(LAUNCHER).read_bytes())


def run(
    *command: str | Path, expect: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program; the exit code must be `expect`."""
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, env=env
    )
    assert result.returncode == expect, (result.returncode, result.stderr)
    return result


def ask_layout(layout: Path, *options: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Ask the target program about a layout directory."""
    return run(binary(TARGET), f"--olos-layout={layout}", *options, expect=expect)
