"""Layouts whose init is another program: what comes from inside when somebody has taken over the kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from olos.manifest import FileRecord, Manifest
from olos_build.component import Component
from olos_build.cpio import Member, archive
from support.runtime import change_manifest, compile_static

SERIAL = r"""
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>
static int line;
static int serial(const char *name, int number) {
    struct termios raw;
    mknod(name, S_IFCHR | 0600, makedev(4, 64 + number));
    int fd = open(name, O_RDWR);
    tcgetattr(fd, &raw);
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
    return fd;
}
static void frame(char kind, uint8_t a, uint32_t c, uint64_t d) {
    struct { uint8_t kind, a; uint16_t b; uint32_t c; uint64_t d; } f = {kind, a, 0, c, d};
    (void)!write(line, &f, sizeof f);
}
"""
"""C: opens the serial lines of the kernel, and writes frames to the one of control."""


def with_init(layout: Path, source: str, folder: Path) -> Path:
    """Put the program of a C source into a layout as its init; compiled in `folder`. Returns the layout."""
    compile_static(source, folder / "init")
    init = Member("init", 0o755, (folder / "init").read_bytes())
    component = Component("crt/initramfs.cpio", archive([init]))
    (layout / component.path).unlink()
    component.write(layout)

    def record(manifest: Manifest) -> Manifest:
        crt: tuple[FileRecord, ...] = (component.record(),)
        return replace(manifest, crt=crt)

    return change_manifest(layout, record)
