"""What an app pays for verifying 100 attested certificates."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(
        inputs, "attest_verify", "100 attested certificates verified by an app", "verify"
    )
