"""Memory that the app touches for the first time comes in larger pieces."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """The seconds that the app itself sees."""
    return Claim(
        "kernel_memory",
        "first touch of 64 MiB, page by page",
        Contender("our kernel", (str(inputs.on_own_kernel.package), "touch", "64"), own_clock=True),
        (
            Contender(
                "Debian's kernel", (str(inputs.on_debian_kernel.package), "touch", "64"), own_clock=True
            ),
        ),
        ratio=4,
    )
