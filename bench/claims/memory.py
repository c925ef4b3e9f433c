"""Memory does not grow with the image, and holes are not read."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import OLOS, Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """The whole process."""
    return Claim(
        "memory",
        "olos measure of a package with a hole of 8 GiB",
        Contender("olos measure", (*OLOS, "measure", str(inputs.sparse.package))),
        peak=120,
    )
