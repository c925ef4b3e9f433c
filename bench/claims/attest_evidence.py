"""What an app pays for evidence, 100 times."""

from __future__ import annotations

from bench import attestation
from bench.claim import Claim
from bench.inputs import Inputs


def claim(inputs: Inputs) -> Claim:
    """The work alone, without the start. Stated, not claimed."""
    return attestation.claim(inputs, "attest_evidence", "evidence for an app, 100 times", "evidence")
