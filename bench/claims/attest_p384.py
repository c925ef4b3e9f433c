"""What an app pays for 100 attested certificates with keys of P-384."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(inputs, "attest_p384", "100 attested certificates, P-384", "p384")
