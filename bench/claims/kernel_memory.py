"""Memory that the app touches for the first time comes in larger pieces."""

from __future__ import annotations

from bench import kernels
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The seconds that the app itself sees."""
    text = "first touch of 64 MiB, page by page"
    return kernels.claim(inputs, "kernel_memory", text, "touch", "64", ratio=4)
