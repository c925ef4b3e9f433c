"""Ports: EXPOSE and its ranges and protocols, as Docker reads them, and which of them may be published."""

from __future__ import annotations

import re
from collections.abc import Iterable

from olos.errors import InputError
from olos.progress import SILENT, Progress

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([A-Za-z]+))?")
_PROTOCOLS = ("tcp", "udp", "sctp")
_MAX_PORT = 65535

PUBLISHED_PROTOCOLS = ("tcp", "udp")
"""What the network of the `linux` target carries."""


def exposed(texts: Iterable[str]) -> tuple[str, ...]:
    """`80`, `80/udp`, `8000-8010/tcp` → sorted `80/tcp` without repetition. Raises InputError."""
    ports: set[str] = set()
    for text in texts:
        match = _PORTS.fullmatch(text)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        protocol = ((match[3] if match else "") or "tcp").lower()
        if not 1 <= first <= last <= _MAX_PORT or protocol not in _PROTOCOLS:
            raise InputError(
                f"exposed port {text[:80]!r} is none",
                hint=f"as 80, 80/udp or 8000-8010/tcp; {', '.join(_PROTOCOLS)}",
            )
        ports |= {f"{port}/{protocol}" for port in range(first, last + 1)}
    return tuple(sorted(ports))


def publishable(expose: Iterable[str], progress: Progress = SILENT) -> tuple[str, ...]:
    """`policy.ports` where nobody says otherwise: those of `expose`. Warns of what cannot be published."""
    ports = tuple(expose)
    left_out = [port for port in ports if port.partition("/")[2] not in PUBLISHED_PROTOCOLS]
    if left_out:
        progress.warn("port-not-published", f"EXPOSE {left_out[0]}: only tcp and udp can be published")
    return tuple(port for port in ports if port not in left_out)
