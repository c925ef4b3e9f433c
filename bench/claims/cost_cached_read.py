"""What an app pays for the second reading of a file of 256 MiB."""

from __future__ import annotations

from bench import costs
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return costs.claim(
        inputs, "cost_cached_read", "the second reading of a file of 256 MiB", "file", "DATA", "again"
    )
