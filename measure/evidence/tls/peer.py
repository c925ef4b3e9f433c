"""What the other side of a connection must prove."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from olos.errors import OlosError


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


class AttestationError(ssl.SSLCertVerificationError):
    """The peer has not proven what is demanded. `str` of it says which check failed."""

    def __str__(self) -> str:
        return str(self.args[-1])


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Demands, and what it takes to verify them: see `measure.evidence.formats.verify`."""

    demands: Demands
    roots: tuple[File, ...] = ()
    collateral: tuple[File, ...] = ()
    clock: Callable[[], datetime] = field(default=now)

    def identify(self, certificate: bytes | None) -> Identity:
        """What the peer's certificate (DER) proves. Raises AttestationError."""
        if certificate is None:
            raise AttestationError("the peer has shown no certificate")
        try:
            return verify(
                File("the peer's certificate", certificate),
                self.demands,
                collateral=self.collateral,
                roots=self.roots,
                time=self.clock(),
            )
        except OlosError as exc:
            raise AttestationError(str(exc)) from exc


@dataclass(frozen=True)
class Credentials:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path
