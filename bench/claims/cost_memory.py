"""What an app pays for the first touch of 64 MiB of memory."""

from __future__ import annotations

from bench import costs
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return costs.claim(inputs, "cost_memory", "the first touch of 64 MiB of memory", "memory")
