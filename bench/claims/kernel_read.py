"""The first reading through dm-verity, whose SHA-256 our kernel computes with SHA-NI."""

from __future__ import annotations

from bench import kernels
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The seconds that the app itself sees."""
    text = "first reading of 256 MiB through dm-verity"
    return kernels.claim(inputs, "kernel_read", text, "read", "/data", ratio=3)
