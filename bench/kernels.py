"""What our own kernel gains, as the app itself sees it: the same work on Debian's."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs, name: str, text: str, *work: str, ratio: float) -> Claim:
    """One of the works of the app on both kernels, by its own clock. `ratio` is what is claimed."""

    def contender(label: str, package: str) -> Contender:
        return Contender(label, (package, *work), own_clock=True)

    return Claim(
        name,
        text,
        contender("our kernel", str(inputs.on_own_kernel.package)),
        (contender("Debian's kernel", str(inputs.on_debian_kernel.package)),),
        ratio=ratio,
    )
