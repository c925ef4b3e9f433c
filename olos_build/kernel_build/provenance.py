"""What a kernel was built from, as a file beside it (`olos-kernel-build/1`). Nothing of it is measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from olos.digest import Digest
from olos_build.kernel_build.source import Source

SCHEMA = "olos-kernel-build/1"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Source, configuration, patches and compiler; `kernel` is the digest of what came out."""

    source: Source
    config: Digest
    patches: tuple[tuple[str, Digest], ...]
    compiler: str
    kernel: Digest
    size: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        source = self.source
        return {
            "compiler": self.compiler,
            "config_sha256": self.config.hex,
            "kernel_sha256": self.kernel.hex,
            "kernel_size": self.size,
            "patches": [{"name": name, "sha256": digest.hex} for name, digest in self.patches],
            "schema": SCHEMA,
            "source": {
                "name": source.name,
                "sha256": source.sha256.hex if source.sha256 else None,
                "version": source.version,
            },
        }

    def encode(self) -> bytes:
        """The bytes of the file."""
        return json.dumps(self.as_dict(), indent=2, sort_keys=True).encode() + b"\n"
