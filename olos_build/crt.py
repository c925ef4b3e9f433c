"""The C-runtime component: an initramfs with our static `init` as its only file."""

from __future__ import annotations

from olos.binaries import INIT, binary
from olos_build.component import Component
from olos_build.cpio import Member, archive


def collect() -> tuple[Component, ...]:
    """The files of the component. Raises MissingToolError if `init` is not installed."""
    init = Member("init", 0o755, binary(INIT).read_bytes())
    return (Component("crt/initramfs.cpio", archive([init])),)
