"""A kernel of our own starts faster."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """From the start of the package to the end of the app."""
    return Claim(
        "kernel_start",
        "start to end of an app that does nothing",
        Contender("our kernel", (str(inputs.on_own_kernel.package),)),
        (Contender("Debian's kernel", (str(inputs.on_debian_kernel.package),)),),
        ratio=1.5,
    )
