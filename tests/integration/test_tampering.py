"""One changed byte: named by `olos measure` or `olos verify`, and never silently served when run."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from olos.erofs import Image
from olos.layout import Layout
from olos.package import open_package
from support.olos import execute, hello_context, olos

READER = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char block[4096];
    puts("started");
    fflush(stdout);
    int fd = open("/data", O_RDONLY);
    for (ssize_t n; (n = read(fd, block, sizeof block)) != 0;)
        if (n < 0) { puts(strerror(errno)); return 1; }
    puts("all served");
}
"""

SECTOR = 2048


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tampering")
    dockerfile = hello_context(folder, READER)
    (folder / "data").write_bytes(bytes(range(256)) * 4 * 1024)
    with dockerfile.open("a") as stream:
        stream.write("COPY data /data\n")
    olos("build", "Dockerfile", cwd=folder)
    olos("pack", "-o", "app.olos", cwd=folder)
    assert execute([folder / "app.olos"]).stdout == "started\nall served\n"
    return folder / "app.olos"


def file_start(name: str, skip: int = 0) -> Callable[[Layout], int]:
    return lambda layout: layout[name].offset + skip


def file_middle(name: str) -> Callable[[Layout], int]:
    return lambda layout: layout[name].offset + layout[name].size // 2


def behind(name: str) -> Callable[[Layout], int]:
    return lambda layout: layout[name].offset + layout[name].size


def in_data(layout: Layout) -> int:
    image = Image(layout["rootfs.img"], layout.manifest().rootfs.image_size)
    return image.find(b"data").inode.content[0].extent.offset + 300_000


def behind_image(skip: int) -> Callable[[Layout], int]:
    return lambda layout: layout["rootfs.img"].offset + layout.manifest().rootfs.image_size + skip


def digit_of(key: bytes) -> Callable[[Layout], int]:
    """A hex digit of the value of `key` in the manifest."""

    def find(layout: Layout) -> int:
        return layout["olos.json"].offset + layout.manifest_bytes().index(b'"%s":"' % key) + len(key) + 4

    return find


def sector(number: int, skip: int) -> Callable[[Layout], int]:
    return lambda _: number * SECTOR + skip


REFUSED = "refused"
IO_ERROR = "started\nI/O error\n"
SERVED = "started\nall served\n"
ANY = "not run"


@dataclass(frozen=True)
class Case:
    """Where the byte lies, what the check says, and what a run does."""

    place: Callable[[Layout], int]
    says: str
    run: str = REFUSED


CASES = {
    "manifest, digest of the kernel": Case(digit_of(b"sha256"), r"sha256 does not match"),
    "manifest, verity root": Case(digit_of(b"verity_root"), r"verity root does not match"),
    "manifest, structure": Case(file_start("olos.json"), r"olos\.json"),
    "kernel": Case(file_middle("kernel/linux"), r"kernel/linux: sha256 does not match"),
    "kernel, library": Case(file_middle("kernel/libc.so.6"), r"kernel/libc\.so\.6: sha256 does not match"),
    "kernel, modules": Case(file_middle("kernel/modules.cpio"), r"kernel/modules\.cpio: sha256"),
    "crt": Case(file_middle("crt/initramfs.cpio"), r"crt/initramfs\.cpio: sha256 does not match"),
    "rootfs, data": Case(in_data, r"rootfs\.img", IO_ERROR),
    "rootfs, superblock": Case(file_start("rootfs.img", 1024), r"rootfs\.img"),
    "rootfs, root directory": Case(file_start("rootfs.img", 1152), r"rootfs\.img"),
    "rootfs, verity superblock": Case(behind_image(20), r"rootfs\.img"),
    "rootfs, top of the hash tree": Case(behind_image(4096), r"rootfs\.img"),
    "ISO, volume descriptor": Case(sector(16, 40), r"ISO"),
    "ISO, terminator": Case(sector(17, 3), r"ISO"),
    "target program": Case(file_middle("target/linux"), r"target/linux: sha256 does not match", ANY),
    "launcher": Case(sector(0, 0x400), r"launcher", ANY),
    "file table": Case(sector(14, 32), r"file table|olos-package"),
    "file table, digest": Case(sector(16, -1), r"digest in the file table", SERVED),
    "annotations": Case(file_middle("annotations.json"), r"annotations\.json or .* digest in the", SERVED),
    "padding": Case(behind("annotations.json"), r"padding before olos\.json", SERVED),
    "padding at the end": Case(
        lambda layout: layout.origin.stat().st_size - 1, r"padding at the end", SERVED
    ),
}


def check(path: Path) -> str:
    """What the first of the two checks that finds anything says."""
    for command in ("measure", "verify"):
        result = olos(command, path, expect=None)
        if result.returncode:
            assert result.returncode in {3, 5}, result.stderr
            assert "Traceback" not in result.stderr
            return re.sub(r"\s+", " ", result.stderr)
    return "nothing found"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_changed_byte(package: Path, tmp_path: Path, case: Case) -> None:
    data = bytearray(package.read_bytes())
    position = case.place(open_package(package))
    data[position] ^= 1
    changed = tmp_path / "changed.olos"
    changed.write_bytes(data)
    changed.chmod(0o755)
    assert re.search(case.says, check(changed))
    if case.run == ANY:
        return
    result = execute([changed], expect=None)
    if case.run == REFUSED and not case.says.startswith("ISO"):
        assert result.stdout == "", "the app has started"
        assert result.returncode in {3, 5, 125}
        assert result.stderr.startswith("olos: ")
    elif case.run in (IO_ERROR, SERVED):
        assert (result.stdout, result.returncode) == (case.run, 1 if case.run == IO_ERROR else 0)
