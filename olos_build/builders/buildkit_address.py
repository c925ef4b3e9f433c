"""Where a BuildKit daemon is: addresses as `buildctl --addr` and BUILDKIT_HOST take them.

`unix://PATH`, `tcp://HOST:PORT`, and what reaches a daemon through another program:
`docker-container://NAME`, `podman-container://NAME`, `nerdctl-container://NAME`,
`kube-pod://NAME[?namespace=…]`, `ssh://USER@HOST`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from olos.errors import InputError, UsageError

VARIABLE = "BUILDKIT_HOST"
SCHEMES = (
    "unix",
    "tcp",
    "docker-container",
    "podman-container",
    "nerdctl-container",
    "kube-pod",
    "ssh",
)
CA, CERTIFICATE, KEY = TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
_FORM = re.compile(r"([a-z-]+)://([^\s\x00-\x1f\x7f]{1,4000})")
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?/?", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A daemon, and for `tcp` the directory with what TLS needs: ca.pem, cert.pem, key.pem.

    Without `url` it is the one that the client chooses: that of its configuration, or the local one.
    """

    url: str | None = None
    tls: Path | None = None

    @property
    def in_the_clear(self) -> bool:
        """Whether context and secrets would go over a network without encryption."""
        scheme, _, rest = (self.url or "").partition("://")
        return scheme == "tcp" and self.tls is None and not _LOOPBACK.fullmatch(rest)


def parse_address(text: str, tls: Path | None = None, where: str = "--buildkit-address") -> Address:
    """Raises UsageError for what is none, InputError if `tls` lacks a file."""
    match = _FORM.fullmatch(text)
    if not match or match[1] not in SCHEMES:
        raise UsageError(
            f"{where}: {text[:200]!r} is no address of BuildKit",
            hint=f"begin with {'://, '.join(SCHEMES[:-1])}:// or {SCHEMES[-1]}://",
        )
    if tls is not None:
        _check_tls(match[1], tls)
    return Address(text, tls and tls.absolute())


def _check_tls(scheme: str, folder: Path) -> None:
    if scheme != "tcp":
        raise UsageError(f"--buildkit-tls is for addresses that begin with tcp://, not {scheme}://")
    for name in TLS_FILES:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: has no file {name}", hint=f"--buildkit-tls wants {', '.join(TLS_FILES)} there"
            )
