"""`annotations.json`: where a layout came from (docs/formats.md section 4.6).

It lies beside the manifest and is not measured. It holds no clock and no path or name of the
machine, so that the same inputs give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from olos.canonical import encode
from olos_build.image import Image

SCHEMA = "olos-annotations/1"


@dataclass(frozen=True)
class Provenance:
    """What made the image: the builder and its version, or the reference it was taken from."""

    builder: str
    builder_version: str
    source_date_epoch: int
    olos_version: str


def document(image: Image, provenance: Provenance) -> bytes:
    """The bytes of the file."""
    config = image.config
    return encode(
        {
            "builder": {"name": provenance.builder, "version": provenance.builder_version},
            "history": [
                {"created_by": step.created_by, "empty_layer": step.empty_layer} for step in config.history
            ],
            "image": {
                "config_digest": str(image.config_digest),
                "layers": [str(layer.diff_id) for layer in image.layers],
            },
            "olos_version": provenance.olos_version,
            "schema": SCHEMA,
            "source_date_epoch": provenance.source_date_epoch,
        }
    )
