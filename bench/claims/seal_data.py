"""What an app pays for sealing 64 MiB."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(inputs, "seal_data", "64 MiB sealed by an app", "seal")
