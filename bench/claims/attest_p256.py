"""What an app pays for 100 attested certificates with keys of P-256."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(inputs, "attest_p256", "100 attested certificates, P-256", "p256")
