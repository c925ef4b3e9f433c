"""What an app pays for 256 MiB from a client of the host to an app."""

from __future__ import annotations

from bench import networks
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The transfer alone, without the start. Stated, not claimed."""
    return networks.claim(inputs, "network_in", "256 MiB from a client of the host to an app", "take")
