"""Digests that know their algorithm."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO

from olos.errors import InputError

LENGTHS = {"sha256": 32, "sha384": 48, "sha512": 64}
_CHUNK = 1 << 20


@dataclass(frozen=True, order=True)
class Digest:
    """A digest and its algorithm; its text form is that of OCI: `sha256:<hex>`."""

    algorithm: str
    value: bytes

    def __post_init__(self) -> None:
        if LENGTHS.get(self.algorithm) != len(self.value):
            raise ValueError(f"{len(self.value)} bytes are no {self.algorithm} digest")

    @property
    def hex(self) -> str:
        """The value as lower-case hexadecimal digits."""
        return self.value.hex()

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @classmethod
    def parse(cls, text: str, *, where: str) -> Digest:
        """Read `algorithm:hex`. Raises InputError, naming `where`."""
        algorithm, _, digits = text.partition(":")
        if algorithm not in LENGTHS or not re.fullmatch(rf"[0-9a-f]{{{2 * LENGTHS[algorithm]}}}", digits):
            raise InputError(f"{where}: {text[:150]!r} is no digest of the form sha256:<64 hex digits>")
        return cls(algorithm, bytes.fromhex(digits))

    @classmethod
    def sha256(cls, data: bytes) -> Digest:
        """The SHA-256 of some bytes."""
        return cls("sha256", hashlib.sha256(data).digest())


def sha256_of(text: str, *, where: str) -> Digest:
    """Read 64 lower-case hexadecimal digits. Raises InputError, naming `where`."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InputError(f"{where}: {text[:150]!r} is not 64 lower-case hexadecimal digits")
    return Digest("sha256", bytes.fromhex(text))


def sha256_stream(stream: BinaryIO) -> tuple[Digest, int]:
    """The SHA-256 of the rest of a stream, and how many bytes that was."""
    state, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        state.update(chunk)
        size += len(chunk)
    return Digest("sha256", state.digest()), size
