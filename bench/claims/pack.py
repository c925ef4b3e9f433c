"""Packing a layout: against `xorriso -as mkisofs` of the same files."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import OLOS, Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """Whole processes. Ours also measures the layout, before it packs it."""
    layout, folder = inputs.large.layout, inputs.folder
    return Claim(
        "pack",
        "olos pack of a layout with 1 GiB",
        Contender("olos pack", (*OLOS, "pack", str(layout), "-o", str(folder / "packed.olos"))),
        (
            Contender(
                "xorriso -as mkisofs",
                ("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", str(folder / "packed.iso"), str(layout)),
            ),
        ),
    )
