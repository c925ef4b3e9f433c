"""What an app pays for asking its TEE. Nobody else does the same work, so there are no peers."""

from __future__ import annotations

from bench.claim import Claim
from bench.inputs import Inputs
from bench.timing import Contender


def claim(inputs: Inputs, name: str, text: str, work: str) -> Claim:
    """One of the works of attestation.c. Stated, not claimed."""
    return Claim(name, text, Contender("olos", (str(inputs.attesting.package), work), own_clock=True))
