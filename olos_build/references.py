"""References to images in registries, as Docker writes them (distribution reference grammar)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REFERENCE = re.compile(
    # A host has a dot or a port, or is localhost; the first part of another name is none.
    r"(?:(?P<host>(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?/", re.IGNORECASE)
_HUB, _HUBS_OLD_NAME, _OFFICIAL = "docker.io", "index.docker.io", "library"


@dataclass(frozen=True)
class Reference:
    """A reference in full. `name` has the registry; without tag and digest the tag is `latest`."""

    name: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag or 'latest'}"


def parse(text: str) -> Reference | None:
    """The reference in full: Docker's registry is meant where none is named. None if it is no reference."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    host, path = match["host"] or _HUB, match["path"]
    if host in (_HUB, _HUBS_OLD_NAME):
        host = _HUB
        path = path if "/" in path else f"{_OFFICIAL}/{path}"
    return Reference(f"{host}/{path}", match["tag"], match["digest"])


def is_reference(text: str) -> bool:
    """Whether a text is a reference to an image in a registry."""
    return _REFERENCE.fullmatch(text) is not None


def on_loopback(text: str) -> bool:
    """Whether the registry is on this machine, where plain HTTP will do."""
    return _LOOPBACK.match(text) is not None
