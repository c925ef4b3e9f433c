"""Small layouts for tests: the digests in the manifest are right, the components are not real."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from olos.digest import Digest
from olos.layout import ANNOTATIONS, MANIFEST, ROOTFS, TARGET_PROGRAM, Layout, open_directory
from olos.manifest import App, FileRecord, Manifest, Policy, RootfsRecord, User

KERNEL = {
    "kernel/ld-linux-x86-64.so.2": b"loader",
    "kernel/libc.so.6": bytes(range(256)) * 33,
    "kernel/linux": b"\x7fELF kernel" * 1000,
    "kernel/modules.cpio": b"modules" * 300,
}
CRT = {"crt/initramfs.cpio": b"initramfs" * 500}
TARGET = b'#!/bin/sh\necho "$0" "$@"\n'


def noise(size: int, seed: str = "noise") -> bytes:
    """Bytes without pattern, the same at every call."""
    return hashlib.shake_128(seed.encode()).digest(size)


def make_layout(
    folder: Path, *, rootfs: bytes | None = None, extra: Mapping[str, bytes] | None = None
) -> Layout:
    """Write a layout into a directory and open it. `extra` are further files, or other bytes for these."""
    rootfs = noise(5 * 4096) if rootfs is None else rootfs
    files = {**KERNEL, **CRT, ROOTFS: rootfs, TARGET_PROGRAM: TARGET}
    files[ANNOTATIONS] = b'{"schema":"olos-annotations/1"}'
    files[MANIFEST] = _manifest(len(rootfs)).encode()
    for name, data in {**files, **(extra or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / TARGET_PROGRAM).chmod(0o755)
    return open_directory(folder)


def _manifest(rootfs_size: int) -> Manifest:
    return Manifest(
        kernel=_records(KERNEL),
        crt=_records(CRT),
        rootfs=RootfsRecord(
            ROOTFS, rootfs_size // 2 // 4096 * 4096, Digest.sha256(b"v"), Digest.sha256(b"t"), 1
        ),
        app=App(("/bin/app",), ("PATH=/bin",), "/", User(0, 0), "olos", 15),
        policy=Policy(),
    )


def _records(files: Mapping[str, bytes]) -> tuple[FileRecord, ...]:
    return tuple(FileRecord(name, len(data), Digest.sha256(data)) for name, data in sorted(files.items()))


def contents(layout: Layout) -> dict[str, bytes]:
    """All files of a layout."""
    return {name: extent.read(extent.size) for name, extent in layout.files}
