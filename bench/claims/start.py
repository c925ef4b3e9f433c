"""Start-up does not grow with the root file system."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """From the start of the package to the end of an app that does nothing, whatever lies beside it."""
    return Claim(
        "start",
        "start to end of an app with a hole of 8 GiB",
        Contender("with 8 GiB", (str(inputs.sparse.package),)),
        (
            Contender("with 1 GiB of noise", (str(inputs.large.package),)),
            Contender("with nothing", (str(inputs.tiny.package),)),
        ),
        ratio=0.9,
    )
