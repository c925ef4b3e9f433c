"""Making the annotations of a layout: from the image, and from the Dockerfile where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from olos import VERSION
from olos.annotations import Annotations, Step
from olos_build.dockerfile import Dockerfile
from olos_build.history import lines_of_steps
from olos_build.image import Image
from olos_build.redaction import redacted


@dataclass(frozen=True)
class Provenance:
    """What made the image: the builder and its version, or the reference it was taken from.

    `dockerfile` and `stage` (None: the last one) are what it was built from, if it was built here, and
    `build_args` with which arguments: their values are left out. `scrub` are the names of rules.
    """

    builder: str
    builder_version: str
    source_date_epoch: int
    dockerfile: Dockerfile | None = None
    stage: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    scrub: tuple[str, ...] = ()


def annotate(image: Image, provenance: Provenance, origins: Iterable[int]) -> Annotations:
    """`origins` are the layers of the entries of the root file system, in path order."""
    return Annotations(
        builder=provenance.builder,
        builder_version=provenance.builder_version,
        olos_version=VERSION,
        source_date_epoch=provenance.source_date_epoch,
        config_digest=image.config_digest,
        layers=tuple(layer.diff_id for layer in image.layers),
        history=_history(image, provenance),
        origins=tuple((sum(1 for _ in run), layer) for layer, run in groupby(origins)),
        scrub=provenance.scrub,
    )


def _history(image: Image, provenance: Provenance) -> tuple[Step, ...]:
    history = image.config.history
    lines: tuple[int | None, ...] = (None,) * len(history)
    if provenance.dockerfile:
        steps = [step.created_by for step in history]
        lines = lines_of_steps(provenance.dockerfile, provenance.stage, steps)
    return tuple(
        Step(redacted(step.created_by, provenance.build_args), step.empty_layer, line)
        for step, line in zip(history, lines, strict=True)
    )
