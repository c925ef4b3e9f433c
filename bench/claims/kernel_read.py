"""The first reading through dm-verity, whose SHA-256 our kernel computes with SHA-NI."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs) -> Claim:
    """The seconds that the app itself sees."""
    return Claim(
        "kernel_read",
        "first reading of 256 MiB through dm-verity",
        Contender("our kernel", (str(inputs.on_own_kernel.package), "read", "/data"), own_clock=True),
        (
            Contender(
                "Debian's kernel", (str(inputs.on_debian_kernel.package), "read", "/data"), own_clock=True
            ),
        ),
        ratio=3,
    )
