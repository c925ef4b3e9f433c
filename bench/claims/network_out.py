"""What an app pays for 256 MiB from an app to a client of the host."""

from __future__ import annotations

from bench import networks
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The transfer alone, without the start. Stated, not claimed."""
    return networks.claim(inputs, "network_out", "256 MiB from an app to a client of the host", "give")
