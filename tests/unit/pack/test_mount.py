"""The Linux kernel mounts a package: User-Mode Linux, so that neither root nor a loop device is needed."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from olos.package import open_package
from support.layouts import contents
from support.packages import make_package

MODULES = Path("/usr/lib/uml/modules")

INIT = """#!/bin/busybox sh
busybox mount -t devtmpfs none /dev
for module in cdrom isofs; do
    test -e /$module.ko && busybox insmod /$module.ko
done
busybox mount -t iso9660 -o ro /dev/ubda /mnt || echo "mount failed"
cd /mnt
echo "begin"
busybox find . -type f | busybox sort | while read -r name; do
    echo "$(busybox sha256sum "$name") $(busybox stat -c '%a %u:%g %Y' "$name")"
done
echo "end"
busybox poweroff -f
"""


def initramfs(folder: Path) -> Path:
    """A file system with a shell and the kernel module that reads ISO 9660."""
    for name in ("bin", "dev", "mnt"):
        (folder / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", folder / "bin/busybox")
    for module in ("cdrom", "isofs"):
        for path in MODULES.rglob(f"{module}.ko"):
            shutil.copy(path, folder / path.name)
    (folder / "init").write_text(INIT)
    (folder / "init").chmod(0o755)
    archive = folder.parent / "initramfs.cpio"
    command: list[str | Path] = ["bsdtar", "-c", "--format=newc", "-f", archive, "-C", folder, "."]
    subprocess.run(command, check=True)
    return archive


def boot(archive: Path, package: Path) -> str:
    command = ["linux.uml", "mem=128M", f"initrd={archive}", f"ubd0r={package}", "con=null", "con0=null,fd:1"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(archive.parent), "TMPDIR": str(archive.parent)}
    result = subprocess.run(
        [*command, "quiet", "init=/init"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    return result.stdout


def test_the_kernel_sees_the_files_and_their_modes(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    console = boot(initramfs(tmp_path / "initramfs"), package)
    lines = console.partition("begin")[2].partition("end")[0].split("\n")
    found = [line.strip() for line in lines if line.strip()]
    programs = {"kernel/linux", "kernel/ld-linux-x86-64.so.2", "target/linux"}
    assert found == [
        f"{hashlib.sha256(data).hexdigest()}  ./{name} {555 if name in programs else 444} 0:0 0"
        for name, data in contents(open_package(package)).items()
    ], console
