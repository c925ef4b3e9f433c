"""What an app pays for the first reading of a file of 256 MiB."""

from __future__ import annotations

from bench import costs
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return costs.claim(inputs, "cost_first_read", "the first reading of a file of 256 MiB", "file", "DATA")
