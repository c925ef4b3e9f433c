"""What an app pays for 100 times fork, exec, wait."""

from __future__ import annotations

from bench import costs
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return costs.claim(inputs, "cost_process", "100 times fork, exec, wait", "process")
