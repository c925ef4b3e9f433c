"""Manifests for tests."""

from olos.digest import Digest
from olos.manifest import App, FileRecord, Manifest, Policy, RootfsRecord, User


def manifest_of(
    *,
    args: tuple[str, ...] = ("/bin/app", "--flag"),
    env: tuple[str, ...] = ("PATH=/bin",),
    policy: Policy | None = None,
) -> Manifest:
    """A valid manifest whose components do not exist."""
    return Manifest(
        kernel=(FileRecord("kernel/linux", 6, Digest.sha256(b"kernel")),),
        crt=(FileRecord("crt/initramfs.cpio", 3, Digest.sha256(b"crt")),),
        rootfs=RootfsRecord("rootfs.img", 8192, Digest.sha256(b"verity"), Digest.sha256(b"tree"), 7),
        app=App(args, env, "/", User(0, 0), "olos", 15),
        policy=policy or Policy(),
    )
