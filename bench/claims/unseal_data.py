"""What an app pays for opening 64 MiB of sealed data."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(inputs, "unseal_data", "64 MiB of sealed data opened by an app", "unseal")
