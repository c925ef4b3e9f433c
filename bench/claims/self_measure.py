"""A package that measures itself, nothing installed: against `veritysetup verify`."""

from __future__ import annotations

from bench.claim import Claim
from bench.claims.measure_package import veritysetup_verify
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """Whole processes."""
    return Claim(
        "self-measure",
        "./app.olos --olos-measure with 1 GiB",
        Contender("--olos-measure", (str(inputs.large.package), "--olos-measure")),
        (veritysetup_verify(inputs.large),),
        ratio=3.0,
        peak=120,
    )
